"""A video that FFmpeg decodes and cannot convert, among good ones: each command goes on, naming it.

Training and evaluation meet one in tests/train/test_damaged_videos.py.
"""

import json

import pyarrow.parquet as pq
import pytest

from ila_jax import visualize
from ila_jax.data.check import __main__ as check
from ila_jax.data.prepare import __main__ as prepare
from ila_jax.extract import __main__ as extract
from ila_jax.predict import __main__ as predict
from tests.data.video.test_rgb import unconvertible
from tests.data.videos import H264, write_video

WORDS = "colours cannot be made RGB. FFmpeg, yuv420p to RGB with H.273's colour matrix 14,"


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Class `one`: a.mp4, b.mp4, which is bad, and c.mp4; class `two`: d.mp4."""
    folder = tmp_path_factory.mktemp("videos")
    for i, place in enumerate(("one/a", "one/c", "two/d")):
        path = folder / f"{place}.mp4"
        path.parent.mkdir(exist_ok=True)
        write_video(path, count=12, options=H264, offset=9 * i)
    unconvertible(folder / "one" / "b.mp4")
    return folder


@pytest.mark.parametrize("how", [[], ["--window", "0.2"]])
def test_predict(weights, videos, how, capsys):
    assert predict.main([weights, str(videos / "one"), "--clips", "1", "--crops", "1", *how]) == 1
    out, err = capsys.readouterr()
    assert [f"{videos}/one/{name}.mp4\n" in out for name in "abc"] == [True, False, True]
    assert f"{videos}/one/b.mp4: Its frames decode, but their {WORDS}" in err
    assert "error: 1 of 3 videos could not be read\n" in err


def test_extract(weights, videos, tmp_path):
    assert extract.main([weights, str(videos), "--output", str(tmp_path / "found")]) == 0
    (file,) = (tmp_path / "found").glob("*.parquet")
    table = pq.read_table(file).to_pydict()
    problems = dict(zip(table["id"], table["problem"], strict=True))
    assert [name for name, problem in problems.items() if problem] == ["one/b.mp4"]


def test_check(videos, capsys):
    where = ["--train", str(videos), "--validation", str(videos)]
    assert check.main([*where, "--json", "--processes", "1"]) == 1  # a quarter is too many
    found = json.loads(capsys.readouterr().out)
    ((name, problem),) = found["splits"]["train"]["unreadable"].items()
    assert name == f"{videos}/one/b.mp4"
    assert WORDS in problem


def test_prepare(videos, tmp_path):
    target = tmp_path / "prepared"
    where = ["--from", str(videos), "--to", str(target)]
    prepare.main([*where, "--processes", "1", "--max-bad-fraction", "0.5"])
    (listed,) = map(json.loads, (target / "quarantine.jsonl").read_text().splitlines())
    assert listed["reason"] == "UNSUPPORTED"
    assert listed["path"] == str(videos / "one" / "b.mp4")


def test_visualize(weights, videos, tmp_path, capsys):
    video = str(videos / "one" / "b.mp4")
    assert visualize.main([weights, video, "--output", str(tmp_path / "x.png")]) == 1
    err = capsys.readouterr().err
    assert WORDS in err
    assert video in err
    assert "Traceback" not in err
