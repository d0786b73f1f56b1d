"""What the quickstart's checkpoint makes of videos that it has never seen.

Made by tools/quickstart, in about 12 minutes; without it there is nothing to test here.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ila_jax.data.synthetic import motion_pairs
from ila_jax.predict.__main__ import main
from tests.data.videos import H264, write_video

ROOT = Path(__file__).parents[1]
CHECKPOINT = ROOT / "runs" / "quickstart"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHECKPOINT / "checkpoints").is_dir(), reason="no runs/quickstart: tools/quickstart"
    ),
]
# Prints what the process took at most, in KiB, after what the command prints.
PEAK = """
import resource, sys
from ila_jax.predict.__main__ import main
assert main(sys.argv[2:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
CLIPS, SEED = 400, 20261122  # training's seed is 0


def test_it_names_the_motion_of_fresh_clips(tmp_path, capsys):
    pairs = tmp_path / "pairs"
    motion_pairs.make(pairs, train_clips=8, validation_clips=CLIPS, seed=SEED, processes=1)
    found = tmp_path / "found.json"
    videos = str(pairs / "videos" / "validation")
    assert main([str(CHECKPOINT), videos, "--top-k", "1", "--json", str(found)]) == 0
    capsys.readouterr()
    names = (pairs / "classes.txt").read_text().splitlines()
    lines = [line.rpartition(" ") for line in (pairs / "validation.txt").read_text().splitlines()]
    labels = {str(pairs / path): names[int(label)] for path, _, label in lines}
    answers = json.loads(found.read_text())["videos"]
    assert {one["video"] for one in answers} == labels.keys()
    right = sum(one["predictions"][0]["name"] == labels[one["video"]] for one in answers)
    with capsys.disabled():
        print(f"\n{right} of {CLIPS} fresh clips named right")
    assert right >= 0.85 * CLIPS


def test_ten_minutes_take_no_more_memory_than_one(tmp_path, capsys):
    """A process that predicts at its largest; the frames that are more would be 124 MB."""
    peaks = {}
    for minutes in (1, 10):
        video = write_video(tmp_path / f"{minutes}.mp4", count=1500 * minutes, options=H264)
        command = ["predict", str(CHECKPOINT), str(video), "--window", "10"]
        run = [sys.executable, "-c", PEAK, *command]
        out = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
        assert sum(line[:1].isdigit() for line in out[:-1]) == 6 * minutes  # 0:10.0  0:20.0 …
        peaks[minutes] = int(out[-1]) >> 10
    with capsys.disabled():
        print(f"\nat most {peaks[1]} MiB for 1 minute, {peaks[10]} MiB for 10")
    assert peaks[10] < peaks[1] + 30
