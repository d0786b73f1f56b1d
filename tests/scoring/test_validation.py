"""Validation sees every video once, on eight devices as in a plain loop."""

import itertools
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.job.batches import open_dataset, validation_batches
from ila_jax.job.sharding import make_mesh, put_state
from ila_jax.models import model
from ila_jax.pixels import normalise
from ila_jax.recognizer import Recognizer
from ila_jax.scoring.validation import Predictions, Predictor, collect
from tests.train import runs


def test_every_video_once_and_padding_and_unreadable_ones_not_at_all(tmp_path, pairs):
    lines = Path(pairs["data.validation"]).read_text().splitlines()[:12]
    listing = tmp_path / "validation.txt"
    listing.write_text("\n".join([*lines[:5], "missing.mp4 3", *lines[5:]]) + "\n")
    config = runs.config(pairs | {"data.validation": str(listing)})
    dataset, mesh = open_dataset(config), make_mesh()
    variables = model.initialize(config.model, 0)
    predict, on_mesh = Predictor(config.model, mesh), put_state(mesh, variables)
    found = collect(
        partial(predict, on_mesh, None),
        validation_batches(config, dataset),
        listed=13,
    )
    assert found.index.tolist() == [i for i in range(13) if i != 5]
    assert (found.unreadable, found.short) == (1, 0)
    recognizer = Recognizer(config.model, variables)
    for row, index in enumerate(found.index):
        data = dataset.validation.read(index)
        frames, _ = dataset.clips.evaluation_clip(data, np.arange(4))
        logits = recognizer.logits(normalise(jnp.asarray(frames[None])))[0]
        assert found.top[row].tolist() == np.argsort(-logits)[:5].tolist()
        assert found.label[row] == dataset.validation.labels[index]


def test_accuracies_by_hand():
    shares = np.array([[0.6, 0.3, 0.1], [0.4, 0.5, 0.1], [0.3, 0.6, 0.1], [0.1, 0.3, 0.6]])
    found = Predictions(np.arange(4), np.array([0, 0, 1, 1]), shares, unreadable=0, short=0)
    metrics = found.metrics()
    assert (metrics["top1"], metrics["top5"], metrics["macro_accuracy"]) == (0.5, 1.0, 0.5)
    assert found.top.tolist() == [[0, 1, 2], [1, 0, 2], [1, 0, 2], [2, 1, 0]]
    assert found.per_class(3) == [0.5, 0.5, None]


def test_a_stop_in_between_gives_nothing_and_no_readable_video_is_an_error():
    rows = {
        "index": np.zeros(2, int),
        "label": np.zeros(2, int),
        "probabilities": np.ones((2, 1)),
        "short": np.zeros(2, bool),
        "bad": np.full((2, 1, 2), -1),
    }
    stop = itertools.chain([False], itertools.repeat(True))
    batches = iter([rows] * 3)
    readable = partial(map, lambda batch: batch | {"mask": np.ones(2, bool)})
    assert collect(readable, batches, listed=6, stop=lambda: next(stop)) is None
    unreadable = partial(map, lambda batch: batch | {"mask": np.zeros(2, bool)})
    with pytest.raises(ValueError, match="none of the 6 videos"):
        collect(unreadable, iter([rows] * 3), listed=6)


def test_nothing_is_compiled_twice_for_a_last_batch_that_is_not_full(pairs):
    """The last batch is padded to the size of the others."""
    config = runs.config(pairs)
    sizes = {len(b["label"]) for b in validation_batches(config, open_dataset(config))}
    assert sizes == {8}
    assert jax.device_count() == 8
