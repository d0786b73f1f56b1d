"""Every measure that a model has, of real small models on real scattered clips."""

import numpy as np
import pytest

from ila_jax.data.synthetic import motion_pairs
from ila_jax.models.forward import pixels
from ila_jax.models.inspection import exchanges
from ila_jax.pictures import alignment_measures, moving_objects
from ila_jax.pictures.block_maps import block_maps
from ila_jax.pictures.model_alignment import MEASURES, measure_alignment
from ila_jax.pictures.scenes import read_scenes
from ila_jax.pictures.shares import coverage
from ila_jax.recognizer import Recognizer
from tests.models import small

CLIPS = 8
OWN = {
    "ila": {"masks", "points"},
    "ata": {"matching", "over time"},
    "joint": {"over time"},
    "xclip": set(),
}


@pytest.fixture(scope="module")
def scattered(tmp_path_factory):
    target = tmp_path_factory.mktemp("scattered") / "pairs"
    return motion_pairs.make(
        target, train_clips=8, validation_clips=CLIPS, seed=1, processes=1, layout="scattered"
    )


@pytest.mark.parametrize("temporal", OWN)
def test_a_model_has_the_measures_of_what_it_aligns_by(scattered, temporal, monkeypatch):
    monkeypatch.setattr(moving_objects, "_CLIPS", 3)  # batches of 3, 3 and 2
    config = small.config(temporal)
    model = Recognizer(config, small.filled(config))
    scenes = read_scenes(scattered, model.views.recipe, lambda name: None)
    assert scenes.others.shape[0] == CLIPS
    assert 1 <= scenes.others.shape[1] <= 3
    found = measure_alignment(model, scenes, moving_objects.maps_of(model, scenes.clips))
    assert {name for name, _ in found} == OWN[temporal] | {"class token"} <= set(MEASURES)
    assert {block for _, block in found} == {1, 2}
    for (name, _), measured in found.items():
        for values in measured:
            assert values.shape == (CLIPS,)
        assert np.isfinite(measured.mover).all()
        if name == "points":
            assert (measured.mover >= measured.best - 1e-6).all()
        else:
            assert (measured.mover <= measured.best + 1e-6).all()

    attention = block_maps(model, scenes.clips).attention[:, 1]
    cover = coverage(scenes.boxes, attention.shape[-1])
    by_hand = (attention * cover).sum(axis=(2, 3)) / attention.sum(axis=(2, 3))
    np.testing.assert_allclose(found["class token", 2].mover, by_hand.mean(axis=1), rtol=1e-4)
    if temporal == "ata":
        block = exchanges(config, model.variables, pixels(config, scenes.clips))[1]
        places = alignment_measures.Places(scenes.boxes, scenes.others)
        again = alignment_measures.of_matching(np.asarray(block.partner), places)
        np.testing.assert_allclose(found["matching", 2].mover, again.mover, rtol=1e-6)
