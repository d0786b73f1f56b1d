"""The list of bad files of a run, each written once, by the main process.

Workers replace or mask a bad video by themselves (`train_clips.py`, `evaluation_clips.py`) and
write nothing. What they met comes here inside the batches.
"""

import json
import os
from pathlib import Path

import numpy as np

from ila_jax.data.sources.source import VideoSource
from ila_jax.data.video.bad import Reason
from ila_jax.data.video.bad_fraction import counted_reasons, too_many_bad
from ila_jax.files.json_files import json_text
from ila_jax.files.printable import printable


class Quarantine:
    """`quarantine.jsonl`: a line {"path", "reason", "label"} for each bad file.

    An existing list is read first, so that a resumed run lists nothing twice.
    """

    def __init__(self, path: str | Path, *, writes: bool = True) -> None:
        """writes: False for all but one of several processes that see the same batches."""
        self._path, self._writes = Path(path), writes
        self._reasons: dict[str, str] = {}
        for line in self._existing():
            try:
                entry = json.loads(line)
                self._reasons[entry["path"]] = entry["reason"]
            except (ValueError, KeyError, TypeError):
                continue  # a line cut short by a crash; its file will be read and listed again

    def __len__(self) -> int:
        return len(self._reasons)

    def __contains__(self, path: object) -> bool:
        return printable(str(path)) in self._reasons

    def add(self, bad: np.ndarray, source: VideoSource) -> int:
        """Appends the files of a batch's `bad` that are not listed yet, and returns how many.

        bad: int32 [..., 2], (index, Reason), where an index of -1 is padding.
        """
        rows = np.asarray(bad).reshape(-1, 2)
        lines = []
        for index, code in rows[rows[:, 0] >= 0].tolist():
            # Printable, as it will be in the list: after a restart paths are compared with those.
            path = printable(source.name(index))
            if path in self._reasons:
                continue
            self._reasons[path] = Reason(code).name
            entry = {"path": path, "reason": Reason(code).name, "label": int(source.labels[index])}
            lines.append(json_text(entry))
        if lines and self._writes:
            self._append("".join(lines))
        return len(lines)

    def check(self, total: int, max_fraction: float) -> None:
        """Stops the run, by a RuntimeError, when more than `max_fraction` of `total` are bad."""
        if not too_many_bad(len(self), total, max_fraction):
            return
        reasons = counted_reasons(self._reasons.values())
        raise RuntimeError(
            f"{len(self)} of {total} videos cannot be read, more than data.max_bad_fraction "
            f"{max_fraction:g} allows:\n  {reasons}\nThey are listed in {self._path}. Repair the "
            "files, take them off the annotation list and delete that file, or raise the fraction."
        )

    def _existing(self) -> list[str]:
        if not self._path.exists():
            return []
        return self._path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")

    def _append(self, text: str) -> None:
        """One write call to a file opened for appending, so that lines of processes never mix."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self._path, flags, 0o644)
        try:
            # What a crash left of a line stays as it is. Without an end of line, the first new
            # entry would become a part of it and be lost.
            if self._is_cut_short():
                text = "\n" + text
            os.write(descriptor, text.encode("utf-8", errors="surrogateescape"))
            os.fsync(descriptor)  # a run that is cut off by a power failure has its reasons on disk
        finally:
            os.close(descriptor)

    def _is_cut_short(self) -> bool:
        with open(self._path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            return size > 0 and (file.seek(size - 1), file.read(1))[1] != b"\n"
