"""Words agree with their numbers."""

from ila_jax.files.counts import count_of


def test_one_is_singular_and_all_other_numbers_are_plural():
    videos = [count_of(number, "video is", "videos are") for number in (0, 1, 2, 11)]
    assert videos == ["0 videos are", "1 video is", "2 videos are", "11 videos are"]
