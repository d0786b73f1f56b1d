"""Whatever is raised over one video is that video's fault, and nothing else is."""

import errno

import cv2
import numpy as np
import pytest

from ila_jax.data.clips.reading import VideoReader
from ila_jax.data.clips.views import paper_views
from ila_jax.data.clips.windows import Windows
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import all_frames, decode, index_video
from tests.data.videos import H264, write_video
from tests.models import small

ERRORS = {
    cv2.error("out of memory"): Reason.UNFORESEEN,
    RuntimeError("nobody thought of this"): Reason.UNFORESEEN,
    OSError(95, "Operation not supported"): Reason.UNFORESEEN,
    StopIteration(): Reason.UNFORESEEN,
    MemoryError(): Reason.TOO_LARGE,
    BadVideo(Reason.SIZE_CHANGES): Reason.SIZE_CHANGES,
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("videos") / "a.mp4", count=12, options=H264)


def raising(error):
    def work(*_):
        raise error

    return work


@pytest.mark.parametrize(("error", "reason"), ERRORS.items(), ids=lambda one: type(one).__name__)
def test_what_is_raised_over_a_frame(path, error, reason, monkeypatch):
    index = index_video(path.read_bytes())
    with pytest.raises(BadVideo) as caught:
        decode(index, [3], transform=raising(error))
    assert caught.value.reason is reason
    if reason is Reason.UNFORESEEN:
        assert type(error).__name__ in str(caught.value)
        assert str(error) in str(caught.value)
    views = paper_views(small.config("spatial", "linear"))
    monkeypatch.setattr("ila_jax.data.video.images.to_rgb", raising(error))
    with pytest.raises(BadVideo):
        list(Windows(path, seconds=0.2).with_views(views))


def test_what_is_raised_over_a_clip(path):
    read = VideoReader(ListSource([LabelledFile(str(path), 0)]), time_limit=60)
    with pytest.raises(BadVideo, match=r"ZeroDivisionError: division by zero\."):
        read(0, lambda data: len(data) / 0)
    assert read(0, len) == path.stat().st_size


def test_that_no_file_can_be_opened_is_not_the_next_ones_fault(path, monkeypatch):
    read = VideoReader(ListSource([LabelledFile(str(path), 0)]), time_limit=60)
    monkeypatch.setattr("builtins.open", raising(OSError(errno.EMFILE, "Too many open files")))
    with pytest.raises(OSError, match="Too many open files") as caught:
        read(0, len)
    assert not isinstance(caught.value, BadVideo)


def test_what_is_asked_wrongly_is_nobodys_fault(path):
    index = index_video(path.read_bytes())
    with pytest.raises(IndexError, match=r"frames \[12\]: expected some of 0 to 11"):
        decode(index, [12])
    with pytest.raises(KeyboardInterrupt):
        decode(index, [0], transform=raising(KeyboardInterrupt()))
    frames = all_frames(index)
    next(frames)
    frames.close()


def test_it_says_which_video():
    error = BadVideo(Reason.DAMAGED, "Only 3 frames are in the file.").of("a.mp4")
    assert str(error).endswith("Only 3 frames are in the file. a.mp4")
    assert error.reason is Reason.DAMAGED
    assert np.int32(Reason.UNFORESEEN) == 14  # stored in batches: numbers stay what they are
