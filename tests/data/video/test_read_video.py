"""The public reader: any file to frames, and words for what is none."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

import ila_jax
from ila_jax.data.video.bad import Reason
from tests.data.videos import H264, sequential, write_sound, write_video


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return write_video(folder / "a.mp4", count=12, options=H264 | {"g": "5"})


def test_all_frames_in_order(path):
    frames = ila_jax.read_video(path)
    assert (frames.shape, frames.dtype) == ((12, 48, 64, 3), np.uint8)
    np.testing.assert_array_equal(frames, sequential(path))


def test_from_anything_that_holds_a_file(path):
    expected, data = ila_jax.read_video(str(path)), path.read_bytes()
    with path.open("rb") as file:
        for video in (data, bytearray(data), memoryview(data), io.BytesIO(data), file):
            np.testing.assert_array_equal(ila_jax.read_video(video), expected)


@pytest.mark.parametrize("indices", [[3], [11, 0, 0, 4], range(2, 9), np.array([7, 1], np.uint8)])
def test_some_frames(path, indices):
    every = np.stack(sequential(path))
    np.testing.assert_array_equal(ila_jax.read_video(path, indices), every[list(indices)])


@pytest.mark.parametrize("indices", [[12], [-1], [0, 1 << 40]])
def test_frames_that_are_not_there(path, indices):
    with pytest.raises(IndexError, match="expected some of 0 to 11"):
        ila_jax.read_video(path, indices)


@pytest.mark.parametrize("indices", [[], 3, [0.5], [True, False], [[0, 1]], "12"])
def test_what_are_no_numbers_of_frames(path, indices):
    with pytest.raises(ValueError, match="expected a list of whole numbers") as caught:
        ila_jax.read_video(path, indices)
    assert not isinstance(caught.value, ila_jax.BadVideo)


def test_bad_videos_are_named(path, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "cut.mp4").write_bytes(path.read_bytes()[:2000])
    os.mkfifo(tmp_path / "pipe.mp4")
    write_sound(tmp_path / "sound.mp4")
    for name, reason in {
        "empty.mp4": Reason.EMPTY,
        "cut.mp4": Reason.NOT_VIDEO_FILE,
        "pipe.mp4": Reason.NOT_A_FILE,
        "sound.mp4": Reason.NO_VIDEO_STREAM,
        "missing.mp4": Reason.MISSING,
        "": Reason.DIRECTORY,
    }.items():
        with pytest.raises(ila_jax.BadVideo, match=str(tmp_path / name)) as caught:
            ila_jax.read_video(tmp_path / name)
        assert caught.value.reason is reason
    with pytest.raises(ila_jax.BadVideo, match="The file is empty"):
        ila_jax.read_video(b"")


@pytest.mark.parametrize("video", [None, 3, io.StringIO("text"), np.zeros((2, 4, 4, 3), np.uint8)])
def test_what_is_no_video(video):
    with pytest.raises(TypeError, match="expected a path, bytes, a file opened with 'rb'"):
        ila_jax.read_video(video)


def test_reading_needs_no_jax():
    code = "import sys, ila_jax; ila_jax.read_video; print('jax' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
