"""Videos that show the same take are found, however they were encoded and cut; others are not."""

import numpy as np
import pytest

from ila_jax.data.split.near_duplicates import _sums_of_diagonals, near_duplicates
from ila_jax.data.split.strips import Strip, make_strip, unreadable
from ila_jax.data.synthetic.motion import draw_clip
from tests.data.split.recut import recut, write

CUTS = {
    "encoded": {"crf": 36},
    "cropped": {"crop": 0.05},
    "darker": {"light": 0.8},
    "later": {"skip": 11, "crf": 30},
    "shorter": {"skip": 5, "last": -6, "crop": 0.03, "light": 1.1},
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Four drawn clips, each in six files, as {file: strip}; a clip and its reversal among them."""
    folder = tmp_path_factory.mktemp("drawn")
    clips = [draw_clip(np.random.default_rng(k), label=k, size=(128, 96)) for k in range(3)]
    clips.append(clips[0].reversed())
    strips = {}
    for k, clip in enumerate(clips):
        original = folder / f"{k}.mp4"
        write(original, list(clip.frames), rate=round(clip.rate))
        files = [original]
        for name, cut in CUTS.items():
            files.append(recut(original, folder / f"{k} {name}.mp4", rate=round(clip.rate), **cut))
        strips |= {file.stem: make_strip(file.read_bytes()) for file in files}
    return strips


@pytest.mark.parametrize("cut", CUTS)
def test_a_clip_that_was_cut_and_encoded_anew_is_found_and_no_other(drawn, cut):
    names = [name for name in drawn if " " not in name or name.endswith(cut)]
    pairs = near_duplicates([drawn[name] for name in names])
    assert sorted((names[one], names[other]) for one, other, _ in pairs) == [
        (str(k), f"{k} {cut}") for k in range(4)
    ]


def test_films_of_one_room_are_no_duplicates_unless_the_same_happens():
    """A still background, and a light square that goes another way in each but the last."""
    room = np.random.default_rng(0).integers(60, 120, (16, 16)).astype(np.uint8)
    ways = [(0, 1), (1, 0), (1, 1), (0, 1)]
    strips = []
    for down, right in ways:
        pictures = np.repeat(room[None], 12, 0)
        for t, picture in enumerate(pictures):
            picture[2 + down * t :, 2 + right * t :][:3, :3] = 220
        strips.append(Strip(0.1, pictures))
    assert [(one, other) for one, other, _ in near_duplicates(strips)] == [(0, 3)]


def _walk(starts: int) -> Strip:
    """A light square in a still room that goes three pixels to the right in each step."""
    room = np.random.default_rng(0).integers(60, 120, (16, 16)).astype(np.uint8)
    pictures = np.repeat(room[None], 4, 0)
    for t, picture in enumerate(pictures):
        picture[6:10, starts + 3 * t :][:, :4] = 220
    return Strip(0.4, pictures)


def test_a_take_is_found_where_its_pictures_lie_between_those_of_the_other():
    """Three pixels a step: the second's squares are one and two pixels from the first's."""
    pairs = near_duplicates([_walk(0), _walk(1), _walk(2)])
    assert [(one, other) for one, other, _ in pairs] == [(0, 1), (0, 2), (1, 2)]


def test_stills_are_compared_as_pictures_and_what_is_unreadable_with_nothing():
    pictures = np.random.default_rng(0).integers(0, 255, (3, 1, 16, 16)).astype(np.uint8)
    stills = [Strip(0.1, np.repeat(picture, 5, 0)) for picture in pictures]
    strips = [*stills, unreadable("cut"), Strip(0.2, np.repeat(pictures[1], 3, 0)), unreadable("")]
    ((one, other, agreement),) = near_duplicates(strips)
    assert (one, other) == (1, 4)
    assert agreement == pytest.approx(1)


def test_sums_of_diagonals_are_those_of_numpy():
    matrix = np.random.default_rng(0).normal(size=(3, 5))
    expected = [matrix.trace(k) for k in range(-2, 5)]
    np.testing.assert_allclose(_sums_of_diagonals(matrix), expected, atol=1e-12)
