"""Thousands of reads of good and bad files: nothing is lost, and every bad file is listed once."""

import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ila_jax.data.clips.pipeline import Loading, train_batches
from ila_jax.data.clips.quarantine import Quarantine
from ila_jax.data.clips.reading import VideoReader
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import BadVideo
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import GOOD, write_sound, write_video

RECIPE = ClipRecipe(frames=8, size=28, sampling="segments", scales=(1.0, 0.66))
BATCH = 10
WARM = 20  # batches, until every kind of file has been met and the allocator has its arenas
# What may be read without a word: streams say nowhere how long they should be, and flipped bytes
# can happen to decode.
UNTOLD = {f"cut {name}" for name in ("live.webm", "mpeg2.mpg", "stream.ts")}
UNTOLD |= {f"flipped {name}" for name in GOOD}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two kinds of bad files for each good one."""
    folder = tmp_path_factory.mktemp("mixed")
    noise = np.random.default_rng(0)
    for name, arguments in GOOD.items():
        data = write_video(folder / name, **arguments).read_bytes()
        (folder / f"cut {name}").write_bytes(data[: len(data) * 2 // 3])
        changed = bytearray(data)
        for at in noise.integers(0, len(data), 400):
            changed[at] ^= 255
        (folder / f"flipped {name}").write_bytes(changed)
    (folder / "empty.mp4").touch()
    (folder / "noise.mp4").write_bytes(noise.bytes(5000))
    (folder / "page.mp4").write_text("<html>404 not found</html>" * 50)
    write_sound(folder / "music.mp4")
    (folder / "folder.mp4").mkdir()
    return folder


@pytest.mark.parametrize("reads", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_nothing_is_lost(folder, tmp_path, reads):
    command = [sys.executable, "-m", "tests.data.video.test_leaks", folder, tmp_path, str(reads)]
    figures = json.loads(subprocess.check_output(command, cwd=Path(__file__).parents[3]))
    assert figures["reads"] >= reads
    assert figures["descriptors"][1] == figures["descriptors"][0]
    assert figures["mebibytes"][1] - figures["mebibytes"][0] < 50
    lines = (tmp_path / "quarantine.jsonl").read_text().splitlines()
    listed = [json.loads(line)["path"] for line in lines]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(figures["bad"])
    names = {Path(path).name for path in listed}
    assert {p.name for p in folder.iterdir()} - set(GOOD) - names <= UNTOLD
    assert not names & set(GOOD)


def test_nothing_is_left_to_the_garbage_collector(folder):
    """Objects in a circle would hold files and decoders until it comes, at 8K hundreds of MiB."""

    def every_frame(data: bytes) -> int:
        index = index_video(data)
        return len(decode(index, range(index.count)))

    held = {}
    gc.collect()
    gc.freeze()  # or each collection would go through all that the tests before have left
    gc.disable()
    try:
        for path in folder.iterdir():
            source = ListSource([LabelledFile(str(path), 0)])
            with contextlib.suppress(BadVideo):
                VideoReader(source, time_limit=60)(0, every_frame)
            held[path.name] = gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    assert {name: count for name, count in held.items() if count} == {}


def _main(folder: Path, run: Path, reads: int) -> None:
    """Reads through the pipeline; prints memory and descriptors, early and late."""
    # A class for each good file and what was made of it, so that each bad one can be replaced.
    labels = {name: label for label, name in enumerate(GOOD)}
    examples = [
        LabelledFile(str(path), labels.get(path.name.split()[-1], 0)) for path in folder.iterdir()
    ]
    source = ListSource(examples)
    quarantine = Quarantine(run / "quarantine.jsonl")
    batches = train_batches(
        source, RECIPE, Loading(BATCH, threads=2), seed=0, first_step=0, steps=1 << 30
    )
    done, bad, memory, descriptors = 0, set(), [], [_descriptors()]
    for step, batch in enumerate(batches, start=1):
        quarantine.add(batch["bad"], source)
        indices = batch["bad"][..., 0]
        bad |= {source.name(i) for i in indices[indices >= 0].tolist()}
        done += BATCH + int((indices >= 0).sum())
        if step == WARM or done >= reads:
            memory.append(_mebibytes())
        if done >= reads:
            break
    batches.close()
    descriptors.append(_settled(descriptors[0]))
    figures = {"reads": done, "mebibytes": memory, "descriptors": descriptors, "bad": sorted(bad)}
    print(json.dumps(figures))


def _settled(expected: int) -> int:
    """Descriptors when they have been so many for half a second, or still are not after 30.

    The last clips are loaded ahead, and between two of their files none is open.
    """
    counts: list[int] = []
    deadline = time.monotonic() + 30
    while counts[-50:] != [expected] * 50 and time.monotonic() < deadline:
        counts.append(_descriptors())
        time.sleep(0.01)
    return counts[-1]


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _mebibytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
