"""The command that measures, on real motion pairs and a real small model."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.data.synthetic import motion_pairs
from ila_jax.models.temporal.alignment import mask
from ila_jax.pictures import measure, moving_objects
from ila_jax.pictures.block_maps import block_maps
from ila_jax.pictures.scenes import read_scenes
from ila_jax.pictures.shares import coverage
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.models import small

CLIPS = 8


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    target = tmp_path_factory.mktemp("measured") / "pairs"
    return motion_pairs.make(target, train_clips=8, validation_clips=CLIPS, seed=1, processes=1)


def test_a_model_is_measured_over_all_clips(pairs, tmp_path, capsys, monkeypatch):
    model = Recognizer(small.config("ila"), small.filled(small.config("ila")))
    save(model, tmp_path / "ila")
    monkeypatch.setattr(moving_objects, "_CLIPS", 3)  # batches of 3, 3 and 2
    given = [str(tmp_path / "ila"), "--data", str(pairs)]
    assert measure.main([*given, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["title"], found["clips"]) == ("ila", CLIPS)

    scenes = read_scenes(pairs, model.views.recipe, lambda name: None)
    shares, distances = [], []
    for clips in ([0, 1, 2], [3, 4, 5], [6, 7, 7]):
        seen = block_maps(model, scenes.clips[clips])
        for i, clip in enumerate(clips[: CLIPS - clips[0]]):
            for t, box in enumerate(scenes.boxes[clip]):
                heat = seen.heat[i, 1, t]
                cover = coverage(box, heat.shape[-1])
                shares.append((heat * cover).sum() / heat.sum())
            for s, points in enumerate(seen.aligned.points[i, 1]):
                for t, point in enumerate(points):
                    x0, y0, x1, y1 = scenes.boxes[clip][s + t]
                    at = ((point + 1) / 2 * 3 + 0.5) / 4  # on four patches a side
                    distances.append(np.hypot(at[0] - (x0 + x1) / 2, at[1] - (y0 + y1) / 2))
    # The first frame is only a pair's earlier one, the last only a later one.
    aligned = seen.aligned
    np.testing.assert_allclose(aligned.masks[:, :, 0], aligned.earlier[:, :, 0], atol=1e-6)
    np.testing.assert_allclose(aligned.masks[:, :, -1], aligned.later[:, :, -1], atol=1e-6)
    for which, masks in enumerate((aligned.earlier, aligned.later)):
        around = mask(jnp.asarray(aligned.points[0, 1, 0, which]), 4, None)
        np.testing.assert_allclose(masks[0, 1, 0], around, atol=1e-6)
    assert found["heat"][1]["share"]["value"] == pytest.approx(np.mean(shares), rel=1e-5)
    assert found["points"][1]["distance"]["value"] == pytest.approx(np.mean(distances), rel=1e-5)
    assert measure.main(given) == 0
    out = capsys.readouterr().out
    assert "Heat on the moving object, 8 clips" in out
    assert "Mask weight on the moving object" in out


def test_what_is_no_motion_pairs_is_told_before_anything_is_loaded(tmp_path, capsys):
    assert measure.main([str(tmp_path / "nowhere"), "--data", str(tmp_path)]) == 1
    assert "is no folder of motion pairs" in capsys.readouterr().err
