"""Training from kept features of a frozen tower: the same numbers, and others are refused."""

import json
import shutil
from functools import partial
from types import SimpleNamespace

import jax
import ml_dtypes
import numpy as np
import pytest

import ila_jax
from ila_jax.class_features import class_features
from ila_jax.files import writable
from ila_jax.job.batches import (
    fixed_view_batches,
    open_dataset,
    train_batches,
    validation_batches,
)
from ila_jax.job.sharding import make_mesh, put_batch, put_state
from ila_jax.models import model
from ila_jax.models.forward import pixels
from ila_jax.models.vit import TowerTokens
from ila_jax.scoring.validation import Predictor
from ila_jax.train import batches
from ila_jax.train.__main__ import main
from ila_jax.train.feature_files import CachedFeatures, FeatureFiles, Layout
from tests.train import runs

CACHED = {
    "data.cached_views": 2,
    "optimizer.trained_blocks": 0,
    "augment.flip": 0.0,
    "augment.jitter": 0.0,
    "augment.grayscale": 0.0,
    "optimizer.warmup_epochs": 0.1,
    "train.steps": 16,
    "train.checkpoint_every": 8,
    "train.evaluate_every": 8,
}
TEXT = {"model.head": "text", "model.classes": None}
SHAPES = TowerTokens(
    jax.ShapeDtypeStruct((3, 4), ml_dtypes.bfloat16), jax.ShapeDtypeStruct((3, 0, 5), np.float32)
)


def opened(folder, **changes):
    return FeatureFiles(folder, Layout(5, 2, SHAPES), {"weights": "a", "clips": (1, 2)} | changes)


def rows(count, seed=0):
    values = np.random.default_rng(seed).standard_normal((count, 2, 3, 4))
    return TowerTokens(values.astype(ml_dtypes.bfloat16), np.zeros((count, 2, 3, 0, 5), np.float32))


def test_rows_are_there_again_and_the_rest_is_to_do(tmp_path):
    kept = rows(3)
    files = opened(tmp_path)
    files.write(np.arange(3), kept, np.array([False, True, False]), np.array([-1, -1, 7]))
    again = opened(tmp_path)
    assert (again.done, again.views) == (3, 2)
    assert again.videos["short"].tolist() == [False, True, False, False, False]
    assert again.videos["reason"].tolist()[:3] == [-1, -1, 7]
    read = again.read(np.array([2, 0]), np.array([1, 0]))
    np.testing.assert_array_equal(read.class_tokens[0], kept.class_tokens[2, 1])
    np.testing.assert_array_equal(read.class_tokens[1], kept.class_tokens[0, 0])
    assert read.patch_tokens.shape == (2, 3, 0, 5)


def test_features_of_other_weights_and_cut_files_are_refused(tmp_path):
    opened(tmp_path)
    with pytest.raises(ValueError, match=r"computed with other weights than this run has\. Delete"):
        opened(tmp_path, weights="b")
    with pytest.raises(ValueError, match="other clips, weights than"):
        opened(tmp_path, weights="b", clips=(1, 3))
    path = tmp_path / "class_tokens.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="has 239 bytes, expected 240"):
        opened(tmp_path)


def test_the_room_that_they_take_is_said_before_anything_is_made(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(writable.shutil, "disk_usage", lambda place: usage._replace(free=100))
    layout = Layout(10**6, 2, SHAPES)
    # Of a video two views of 3·4 values of two bytes, and 6 bytes of its own.
    assert layout.size == 10**6 * (2 * 24 + 6)
    with pytest.raises(OSError, match=r"1000000 videos, kept in .* takes 54.0 MB, and .* 0.0 MB"):
        FeatureFiles(tmp_path / "features", layout, {})
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize(
    "head",
    [pytest.param(TEXT, id="text"), pytest.param({}, id="linear", marks=pytest.mark.slow)],
)
def test_kept_features_give_the_logits_of_the_videos_bit_for_bit(tmp_path, pairs, head, capsys):
    overrides = pairs | CACHED | head
    assert main(runs.arguments(tmp_path / "run", overrides)) == 0
    assert "64 videos, 2 clips each" in capsys.readouterr().err
    config = runs.config(overrides)
    dataset, trained = open_dataset(config), ila_jax.load(f"{tmp_path / 'run'}@latest")
    kept = CachedFeatures(
        reopened(tmp_path / "run/features/train", config, 64, 2),
        reopened(tmp_path / "run/features/validation", config, 16, 1),
    )
    run = SimpleNamespace(config=config, dataset=dataset, features=kept)
    mesh = make_mesh()
    variables = put_state(mesh, trained.variables)
    text = class_features(config.model, variables, dataset.class_names) if head else None
    text = put_state(mesh, text)

    predictor = Predictor(config.model, mesh)
    of_videos, of_features = (
        list(predictor(variables, text, map(unstopped, source)))
        for source in (validation_batches(config, dataset), batches.validation_batches(run))
    )
    assert len(of_videos) == 2
    for expected, found in zip(of_videos, of_features, strict=True):
        assert expected.keys() == found.keys()
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])

    # Training shows the same videos, in each epoch in another of their fixed views.
    loaded = train_batches(config, dataset, first_step=0)
    epochs = [next(batches.train_batches(run, first_step=step)) for step in (0, 8)]
    first, expected = epochs[0], next(loaded)
    loaded.close()
    for name in ("label", "index", "short", "bad"):
        np.testing.assert_array_equal(first[name], expected[name])
    fixed = next(fixed_view_batches(config, dataset.train, 2, first=0))
    model_of = partial(model.apply, config.model, variables, text=text, training=None)
    whole = jax.jit(lambda x: model_of(video=pixels(config.model, x))[0].logits)
    rest = jax.jit(
        lambda x: model.apply_to_tokens(config.model, variables, x, text, None)[0].logits
    )
    # On the devices as they were computed: another number of clips on each may round otherwise.
    index, view = np.repeat(fixed["index"], 2), np.tile([0, 1], len(fixed["index"]))
    clips = fixed["video"].reshape(-1, *fixed["video"].shape[2:])
    rows = put_batch(mesh, {"clips": clips, "tokens": kept.train.read(index, view)})
    with jax.set_mesh(mesh):
        logits = rest(rows["tokens"])
        np.testing.assert_array_equal(logits, whole(rows["clips"]))
    assert not np.array_equal(logits[0], logits[1])
    for epoch, rows in enumerate(epochs):
        again = kept.train.read(rows["index"], (epoch + rows["index"]) % 2)
        np.testing.assert_array_equal(rows["video"].class_tokens, again.class_tokens)


def reopened(folder, config, videos, views):
    geometry, frames = config.model.geometry(), config.model.frames
    patches = geometry.grid**2 if config.model.head == "text" else 0
    tokens = TowerTokens(
        jax.ShapeDtypeStruct((frames, geometry.embed), np.float32),
        jax.ShapeDtypeStruct((frames, patches, geometry.width), np.float32),
    )
    settings = json.loads((folder / "features.json").read_text())
    return FeatureFiles(folder, Layout(videos, views, tokens), settings)


def unstopped(batch):
    return batch | {"stop": np.zeros(len(batch["label"]), bool)}


@pytest.mark.slow
def test_a_run_that_was_killed_at_any_place_ends_as_undisturbed(tmp_path, pairs, capsys):
    """With a damaged video, which is replaced by another of its class and listed."""
    folder = tmp_path / "videos"
    shutil.copytree(pairs["data.root"], folder)
    first = (folder / "train.txt").read_text().split()[0]
    (folder / first).write_bytes(b"no video")
    moved = {
        key: str(value).replace(pairs["data.root"], str(folder)) for key, value in pairs.items()
    }
    overrides = moved | CACHED | {"data.max_bad_fraction": 0.5}
    one, other = tmp_path / "one", tmp_path / "other"
    assert main(runs.arguments(one, overrides)) == 0
    shutil.copytree(one, other)
    # As a kill while features were computed leaves them, and one before the last checkpoint.
    videos = np.memmap(
        other / "features" / "train" / "videos.bin",
        np.dtype([("done", np.bool_), ("short", np.bool_), ("reason", np.int32)]),
        "r+",
    )
    videos["done"][20:] = False
    videos.flush()
    before = (other / "features" / "train" / "class_tokens.bin").read_bytes()
    shutil.rmtree(other / "checkpoints" / "latest" / "16")
    shutil.rmtree(other / "checkpoints" / "best")
    capsys.readouterr()
    assert main(runs.arguments(other, overrides)) == 0
    assert "going on from video 20" in capsys.readouterr().err
    assert (other / "features" / "train" / "class_tokens.bin").read_bytes() == before
    assert runs.differences(one, other) == []
    assert "no video" not in (one / "quarantine.jsonl").read_text()
    assert first in (one / "quarantine.jsonl").read_text()
    (folder / first).write_bytes(b"another")
    assert main(runs.arguments(one, overrides)) == 1
    assert "computed with other files than this run has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"augment.flip": 0.5}, r"augment.flip: expected 0 \(off\) with data.cached_views"),
        ({"optimizer.trained_blocks": None}, "trained_blocks: expected 0, a frozen image tower"),
        ({"data.cached_views": -1}, "data.cached_views: expected 0"),
    ],
)
def test_what_cannot_be_kept_is_said(values, message):
    with pytest.raises(ValueError, match=message):
        runs.config(CACHED | values)
