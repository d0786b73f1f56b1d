"""Names of folders, classes and videos that are no text are prepared all the same."""

import json
import os
import tempfile

from ila_jax.data.prepare import __main__ as prepare
from ila_jax.data.sources.opening import open_source
from ila_jax.data.video.decode import index_video
from tests.data.videos import H264, write_video


def test_names_that_are_no_text(tmp_path, monkeypatch):
    """Of the folder, a class and a video. The index keeps the video's own name."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))  # of the process that writes
    (tmp_path / "tmp").mkdir()
    cafe, target = os.fsdecode(b"caf\xe9"), tmp_path / os.fsdecode(b"pr\xeat")
    for name, video in ((cafe, os.fsdecode(b"\xff.mp4")), ("tea", "a.mp4")):
        (tmp_path / "videos" / name).mkdir(parents=True, exist_ok=True)
        write_video(tmp_path / "videos" / name / video, options=H264)
    bad = tmp_path / "videos" / cafe / os.fsdecode(b"\xfe.mp4")
    bad.write_text("no video")
    given = ["--from", str(tmp_path / "videos"), "--to", str(target), "--split", "train"]
    prepare.main([*given, "--processes", "1", "--sample", "0", "--max-bad-fraction", "1"])
    opened = open_source(f"prepared:{target}@train", root="", class_names=None)
    assert opened.class_names == (r"caf\xe9", "tea")
    assert opened.ids[0] == os.fsdecode(b"caf\xe9/\xff.mp4")
    assert index_video(opened.source.read(0)).count > 0
    listed = json.loads((target / "quarantine.jsonl").read_text("utf-8"))
    assert listed["path"].endswith(r"caf\xe9/\xfe.mp4")
    assert len(list((tmp_path / "tmp").glob("ila_jax-*"))) == 1  # the process's own, none's beside
