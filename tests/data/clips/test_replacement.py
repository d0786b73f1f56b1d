"""What is shown in the place of a video that cannot be read: the next ones of its class."""

from ila_jax.data.clips.replacement import MAX_TRIES, Replacements
from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.source import ListSource
from ila_jax.data.video.bad import BadVideo, Reason


def replacements(labels):
    return Replacements(ListSource([LabelledFile(f"{i}.mp4", k) for i, k in enumerate(labels)]))


def test_a_video_is_followed_by_the_next_of_its_class_and_then_by_the_first():
    videos = replacements([0, 1, 0, 2, 1, 0])
    assert [videos.candidates(i) for i in range(6)] == [
        [0, 2, 5],
        [1, 4],
        [2, 5, 0],
        [3],
        [4, 1],
        [5, 0, 2],
    ]


def test_no_more_are_tried_than_a_batch_has_room_for():
    assert replacements([7] * 40).candidates(30) == [*range(30, 40), *range(6)]
    assert MAX_TRIES == 16


def test_a_class_without_a_readable_video_is_named():
    error = replacements([3, 5]).none_left(1, [BadVideo(Reason.MISSING), BadVideo(Reason.EMPTY)])
    assert "no video of class 5" in str(error)
    assert "all 2 tried cannot be read, the first is 1.mp4" in str(error)
