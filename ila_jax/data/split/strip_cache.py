"""The strips of videos, made in processes that a video may hang or crash, and kept in a file.

A line of the file is a video as it was when it was read: one that has changed since is read again.
A line that a kill has cut off is read again as well.
"""

import base64
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from tqdm import tqdm

from ila_jax.data.check.probe import how_it_ended
from ila_jax.data.split.strips import SIDE, Strip, make_strip, unreadable
from ila_jax.data.video.bad import BadVideo, Reason, errors_as_bad_video
from ila_jax.data.video.files import find_on_disk, read_file
from ila_jax.data.workers import pool
from ila_jax.data.workers.pool import NO_ITEM, Loss

# Of how strips are made: a file of another version is of no use.
_VERSION = 1
_Key = tuple[int, str, int, int]  # version, path, bytes, nanoseconds of the last change


def read_strips(
    paths: Sequence[str], *, cache: Path | None, processes: int, limit: float
) -> list[Strip]:
    """The strip of each video, in their order.

    cache: a file to which strips are added as they are made, and from which those of videos that
    have not changed are taken; None keeps none. processes: how many read at once. limit: seconds
    for each video. Errors: OSError where the file cannot be written.
    """
    keys = [_key(path) for path in paths]
    strips = _kept(cache) if cache is not None else {}
    todo = [k for k, key in enumerate(keys) if key is not None and key not in strips]
    with ExitStack() as stack:
        file = None
        if cache is not None and todo:
            cache.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(cache.open("a", encoding="ascii"))
            file.write("\n")  # ends a line that was cut off
        work = _Making(tuple(paths), limit)
        made = stack.enter_context(closing(pool.run(work, todo, processes=processes, limit=limit)))
        for k, strip in tqdm(made, "reading videos", total=len(todo), unit=" videos", delay=2):
            key = keys[k]
            assert key is not None  # it is in todo
            strips[key] = strip
            # A video that cannot be read may be slow today alone, and costs little to try again.
            if file is not None and not strip.problem:
                _keep(file, key, strip)
    missing = unreadable(Reason.MISSING.sentence)
    return [missing if key is None else strips[key] for key in keys]


def _key(path: str) -> _Key | None:
    """By what a file is known again; None where there is no file."""
    try:
        path, status = find_on_disk(path)
    except (OSError, ValueError):
        return None
    return _VERSION, os.path.abspath(path), status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class _Making:
    """Work for `workers.pool`: makes the strip of a video. limit: seconds that it has."""

    paths: tuple[str, ...]
    limit: float

    def __call__(self, index: int, skip: Mapping[int, Loss], begin: Callable[[int], None]) -> Strip:
        if index in skip:
            return unreadable(how_it_ended(skip[index], self.limit))
        begin(index)
        try:
            with errors_as_bad_video():
                return make_strip(read_file(self.paths[index]))
        except BadVideo as error:
            return unreadable(str(error))
        finally:
            begin(NO_ITEM)


def _keep(file: TextIO, key: _Key, strip: Strip) -> None:
    """Adds a strip to the file, whole lines at a time."""
    pictures = base64.b64encode(zlib.compress(strip.pictures.tobytes())).decode("ascii")
    file.write(json.dumps([*key, strip.step, pictures]) + "\n")
    file.flush()


def _kept(cache: Path) -> dict[_Key, Strip]:
    """The strips in a file of this version; lines that are damaged are left out."""
    strips: dict[_Key, Strip] = {}
    try:
        lines = cache.read_text(encoding="ascii").split("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return strips
    for line in lines:
        try:
            version, path, size, changed, step, pictures = json.loads(line)
            data = np.frombuffer(zlib.decompress(base64.b64decode(pictures)), np.uint8)
            strip = Strip(float(step), data.reshape(-1, SIDE, SIDE))
        except (ValueError, TypeError, zlib.error):
            continue
        strips[version, path, size, changed] = strip
    return strips
