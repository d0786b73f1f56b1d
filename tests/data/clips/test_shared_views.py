"""Views of several models are what each takes alone, from as few decodes as possible."""

import dataclasses

import numpy as np
import pytest

from ila_jax.data.clips import shared_views
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.shared_views import SharedViews, decode_views, shrunk_alike
from ila_jax.data.clips.views import Views
from ila_jax.data.clips.windows import Windows
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import write_video

RECIPE = ClipRecipe(frames=4, size=16, sampling="segments", scales=(1.0,))
DENSE = dataclasses.replace(RECIPE, frames=3, sampling="dense", stride=2)
LARGER = dataclasses.replace(RECIPE, size=20)
VIEWS = Views(recipe=RECIPE, clips=2, crops=3, sampling="fixed", seed=0)
FEWER = Views(recipe=DENSE, clips=1, crops=2, sampling="random", seed=1)
# One crop is cut from a larger picture than several are; so is a crop of another size.
MIDDLE = dataclasses.replace(VIEWS, crops=1)
LARGE = Views(recipe=LARGER, clips=1, crops=2, sampling="fixed", seed=0)


@pytest.fixture
def path(tmp_path):
    return write_video(tmp_path / "clip.mp4", count=40)


def test_every_model_has_the_views_that_it_takes_alone(path, monkeypatch):
    decodes = []
    monkeypatch.setattr(
        shared_views, "decode", lambda *args, **kw: decodes.append(1) or decode(*args, **kw)
    )
    several = [VIEWS, MIDDLE, FEWER, LARGE]
    results = decode_views(index_video(path.read_bytes()), several)
    for views, result in zip(several, results, strict=True):
        np.testing.assert_array_equal(result, views(path.read_bytes(), 0)[0])
    assert len(decodes) == 3  # VIEWS and FEWER share one


def test_those_of_one_size_and_shape_of_pixels_share_a_decode():
    square = dataclasses.replace(VIEWS, recipe=dataclasses.replace(RECIPE, square_pixels=True))
    assert shrunk_alike([VIEWS, MIDDLE, FEWER, LARGE, square]) == [[0, 2], [1], [3], [4]]
    # 18 pixels, of which one crop of 16 is the middle, are the short side of three crops of 18.
    wide = dataclasses.replace(VIEWS, recipe=dataclasses.replace(RECIPE, size=18))
    assert shrunk_alike([MIDDLE, wide]) == [[0, 1]]


def test_windows_are_cut_for_each_model_as_for_it_alone(path):
    windows = Windows(path, seconds=0.6, stride=0.4)
    together = list(windows.with_views(SharedViews([VIEWS, FEWER])))
    alone = zip(windows.with_views(VIEWS), windows.with_views(FEWER), strict=True)
    for (window, (first, second)), ((same, one), (_, two)) in zip(together, alone, strict=True):
        assert window == same
        np.testing.assert_array_equal(first, one)
        np.testing.assert_array_equal(second, two)
