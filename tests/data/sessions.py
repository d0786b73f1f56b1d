"""Which processes of a session (`start_new_session=True`) are still running."""

import time
from pathlib import Path


def processes_of(session: int) -> list[int]:
    out = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[3]) == session and fields[0] not in "ZX":
            out.append(int(stat.parent.name))
    return out


def all_ended(session: int) -> bool:
    """Whether all of a session's processes end, for which they are given a while."""
    for _ in range(1000):
        if not processes_of(session):
            return True
        time.sleep(0.01)
    return False
