"""Masks that do not follow the clip: the same model with other masks, and nothing else changed."""

import dataclasses

import jax
import numpy as np
import pytest

from ila_jax.models.forward import logits_of
from ila_jax.pictures.block_maps import block_maps
from ila_jax.pictures.replaced_masks import (
    REPLACEMENTS,
    named_with_replaced_masks,
    with_still_points,
)
from ila_jax.recognizer import Recognizer
from tests.models import small

logits_of_all = jax.jit(logits_of, static_argnums=0)


def random_clips(config, clips=5):
    side = config.geometry().resolution
    shape = (clips, config.frames, side, side, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("temporal", ["ila", "ila_token"])
def test_points_stand_still_where_they_are_put(temporal):
    config = small.config(temporal)
    variables = small.filled(config)
    clips = random_clips(config)
    points = np.array([[[0.1, -0.2], [0.3, 0.4]], [[-0.75, 0.75], [0, 0.5]]], np.float32)
    model = Recognizer(config, with_still_points(config, variables, points))
    found = block_maps(model, clips).aligned.points
    np.testing.assert_allclose(
        found, np.broadcast_to(points[None, :, None], found.shape), atol=1e-5
    )
    # The weights that were given are as they were.
    own = block_maps(Recognizer(config, variables), clips).aligned.points
    assert own.std(axis=0).max() > 1e-3


def test_the_model_is_asked_again_with_each_replacement():
    config = small.config("ila")
    variables = small.filled(config)
    clips = random_clips(config)
    maps = block_maps(Recognizer(config, variables), clips)
    found = named_with_replaced_masks(Recognizer(config, variables), clips, maps)
    assert found.keys() == REPLACEMENTS.keys()

    still = with_still_points(config, variables, maps.aligned.points.mean(axis=(0, 2)))
    logits = logits_of_all(config, still, None, clips)
    assert found["still"].tolist() == np.asarray(logits).argmax(axis=1).tolist()

    wide = dataclasses.replace(config.points, mask_width=100.0)
    config = dataclasses.replace(config, points=wide)
    assert (block_maps(Recognizer(config, variables), clips).aligned.masks == 1).all()
    logits = logits_of_all(config, variables, None, clips)
    assert found["everywhere"].tolist() == np.asarray(logits).argmax(axis=1).tolist()


def test_a_model_without_masks_has_none_to_replace():
    config = small.config("xclip")
    model, clips = Recognizer(config, small.filled(config)), random_clips(config)
    assert named_with_replaced_masks(model, clips, block_maps(model, clips)) == {}
