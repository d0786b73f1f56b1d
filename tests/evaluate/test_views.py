"""Twelve views a video, every video once, on any number of devices as in a plain loop."""

import functools
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.data.clips.views import evaluation_views
from ila_jax.data.video.bad import Reason
from ila_jax.data.video.decode import decode, index_video
from ila_jax.evaluate.views import ViewPredictor, _parts, score
from ila_jax.job.batches import open_dataset, view_batches
from ila_jax.job.sharding import make_mesh, put_state
from ila_jax.models import model
from ila_jax.models.variants import ALIGNING, TEMPORAL
from ila_jax.pixels import normalise
from ila_jax.recognizer import Recognizer
from tests.models import small
from tests.train import runs

LISTED, MISSING = 13, 5
# Spatial attention alone: what is tested lies around the model, and this one compiles fast.
CHANGES = {
    "evaluation.clips": 4,
    "evaluation.crops": 3,
    "evaluation.batch": 40,  # of 8 videos 4 views at a time, in three parts
    "model.temporal": "spatial",
}


@pytest.fixture(scope="module")
def config(pairs, tmp_path_factory):
    """13 real videos to validate on, of which one is missing."""
    lines = Path(pairs["data.validation"]).read_text().splitlines()[: LISTED - 1]
    listing = tmp_path_factory.mktemp("listing") / "validation.txt"
    listing.write_text("\n".join([*lines[:MISSING], "missing.mp4 3", *lines[MISSING:]]) + "\n")
    return runs.config(pairs | CHANGES | {"data.validation": str(listing)})


@pytest.fixture(scope="module")
def variables(config):
    return model.initialize(config.model, 0)


@pytest.fixture(scope="module")
def plain(config, variables):
    """Video -> probabilities [12, 8], each view made alone and in the order of the spec."""
    recognizer, source = Recognizer(config.model, variables), open_dataset(config).validation
    frames, size = config.model.frames, config.model.geometry().resolution

    def views(video):
        index = index_video(source.read(video))
        for k in range(4):
            # ⌊(i + (k+½)/4)·F/T⌋
            at = [(8 * i + 2 * k + 1) * index.count // (8 * frames) for i in range(frames)]
            height, width = decode(index, at).shape[1:3]
            assert height < width
            wide = int(width * size / height + 0.5)
            resized = [cv2.resize(frame, (wide, size)) for frame in decode(index, at)]
            for j in range(3):
                left = j * ((wide - size) // 2)
                yield np.stack(resized)[:, :, left : left + size]

    return {
        video: np.asarray(
            jax.nn.softmax(recognizer.logits(normalise(jnp.asarray(np.stack(list(views(video)))))))
        )
        for video in range(LISTED)
        if video != MISSING
    }


@pytest.fixture(scope="module")
def scored(config, variables):
    """On so many devices and from a video on: what `score` gives."""

    @functools.cache
    def predictor(devices):
        mesh = make_mesh(jax.devices()[:devices])
        predict = ViewPredictor(config.model, mesh, clips=config.evaluation.batch)
        return functools.partial(predict, put_state(mesh, variables), None)

    @functools.cache
    def found(devices, first=0):
        batches = view_batches(config, open_dataset(config).validation, first=first)
        rows = list(score(predictor(devices), batches))
        expected = [] if first > MISSING else [[MISSING, Reason.MISSING]]
        assert [row for part in rows for row in part["bad"].tolist()] == expected
        return rows

    return found


def test_every_view_is_as_in_a_plain_loop(scored, plain):
    # Batches of 8 videos, of which one is missing.
    assert [len(rows["index"]) for rows in scored(8)] == [7, 5]
    for found in (scored(8), scored(1)):
        index = np.concatenate([rows["index"] for rows in found])
        shares = np.concatenate([rows["probabilities"] for rows in found])
        assert sorted(index.tolist()) == sorted(plain)
        for video, views in zip(index.tolist(), shares, strict=True):
            np.testing.assert_allclose(views, plain[video], atol=1e-6, rtol=0)


def test_predicting_one_video_is_as_evaluating_it(config, variables, scored):
    dataset = open_dataset(config)
    recognizer = Recognizer(
        config.model, variables, dataset.class_names, views=evaluation_views(config)
    )
    rows = scored(8)[0]
    for row in (0, 6):
        path = dataset.validation.name(rows["index"][row])
        np.testing.assert_allclose(
            recognizer.probabilities(recognizer.look(path)),
            rows["probabilities"][row],
            atol=1e-6,
            rtol=0,
        )
        means = rows["probabilities"][row].mean(axis=0)
        found = recognizer.predict(path, top_k=3)
        order = np.argsort(-means)[:3]
        assert [one.name for one in found] == [dataset.class_names[k] for k in order]
        assert [one.probability for one in found] == pytest.approx(means[order], abs=1e-6)


def test_an_evaluation_goes_on_where_it_was(scored):
    (again,) = scored(8, first=8)
    assert again["index"].tolist() == [8, 9, 10, 11, 12]
    for name, values in again.items():
        np.testing.assert_array_equal(values, scored(8)[1][name])


def test_views_go_to_the_devices_in_parts_of_one_size():
    assert _parts(12, most=60).tolist() == [list(range(12))]
    assert _parts(12, most=8).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert _parts(7, most=4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 6]]
    assert _parts(3, most=0).tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_every_model_that_aligns_leaves_points_and_no_other(temporal):
    predict = ViewPredictor(small.config(temporal), make_mesh(), clips=1)
    assert (predict._points is not None) == (temporal in ALIGNING)
