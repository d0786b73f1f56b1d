"""How a row's process talks with the report's: results at once, and the device in turn.

Lines on stdout that start with a mark are for the report, all others are for nobody. What needs no
device (imports, tracing) is done before `wait_for_device`, while another process still measures.
A row has the device until its process ends: only then the device's memory is free again.
"""

import json
import resource
import sys
from typing import Any

RESULT = "@result "  # followed by a JSON object, whose entries are added to the row's
READY = "@ready"  # the device is needed from here on
GO = "go"  # the answer to READY


def tell(**entries: Any) -> None:
    """Adds entries to the row's results; they are kept whatever happens to this process."""
    print(RESULT + json.dumps(entries), flush=True)


def wait_for_device() -> None:
    """Returns once no other row uses the device. Errors: SystemExit when the report has ended."""
    print(READY, flush=True)
    if sys.stdin.readline().strip() != GO:
        raise SystemExit("the report ended before this row's turn")


def tell_host_memory() -> None:
    """Adds the most that this process has taken of the host's memory."""
    tell(host_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)  # it is in KiB
