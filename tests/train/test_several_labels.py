"""Training on clips of any number of classes: targets by hand, whole runs, and what is refused."""

import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.job.batches import open_dataset, train_batches, validation_batches
from ila_jax.models.vit import TowerTokens
from ila_jax.train import augment, batches
from ila_jax.train.__main__ import main
from ila_jax.train.feature_files import CachedFeatures, FeatureFiles, Layout
from ila_jax.train.mixing import blend_pairs, soft_targets
from tests.train import runs
from tests.train.test_cached_features import CACHED

LENGTH = {
    "train.steps": 16,
    "train.checkpoint_every": 8,
    "train.evaluate_every": 8,
    "optimizer.warmup_epochs": 0.1,
}


def test_targets_are_smoothed_as_questions_with_two_answers():
    labels = jnp.asarray([[True, False, True], [False, False, False]])
    found = soft_targets(labels, classes=3, smoothing=0.1)
    np.testing.assert_allclose(found, [[0.95, 0.05, 0.95], [0.05, 0.05, 0.05]], rtol=1e-6)
    np.testing.assert_array_equal(soft_targets(labels, classes=3, smoothing=0), labels)


def test_mixed_clips_have_a_share_of_the_classes_of_both():
    targets = jnp.asarray([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    video = jnp.zeros((2, 1, 2, 2, 3))
    _, found = blend_pairs(video, targets, kept=jnp.full((2, 2), 0.75), weight=jnp.float32(0.75))
    np.testing.assert_allclose(found, [[0.75, 1, 0.25], [0.25, 1, 0.75]])


def test_a_flip_exchanges_the_sides_of_all_classes_of_a_clip():
    """Left, right, neither, and one that names a side and has no mirror."""
    mirror = np.array([1, 0, 2, -1])
    rows = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 1, 0]]
    labels = jnp.asarray(rows, bool)
    video = jnp.asarray(np.random.default_rng(0).integers(0, 256, (6, 2, 3, 4, 3)), jnp.uint8)
    flip = jnp.asarray([True] * 5 + [False])
    found, mirrored = jax.jit(lambda *x: augment.flipped(*x, mirror=mirror))(video, labels, flip)
    expected = [[0, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 1, 0]]
    np.testing.assert_array_equal(mirrored, np.array(expected, bool))
    turned = np.array([True, True, True, False, True, False])
    expected = np.where(turned[:, None, None, None, None], video[:, :, :, ::-1], video)
    np.testing.assert_array_equal(found, expected)


def test_batches_bring_all_labels_and_fill_up_with_none(movers):
    config = runs.config(movers | LENGTH | {"evaluation.batch": 16})
    dataset = open_dataset(config)
    truth = dataset.train.targets
    loaded = train_batches(config, dataset, first_step=0)
    batch = next(loaded)
    loaded.close()
    assert batch["label"].dtype == bool
    np.testing.assert_array_equal(batch["label"], truth[batch["index"]])
    # Clip number n shows the colours that are the bits of n.
    np.testing.assert_array_equal(truth[5], [True, False, True])
    whole = list(validation_batches(config, dataset))
    label = np.concatenate([rows["label"] for rows in whole])
    np.testing.assert_array_equal(label[:24], dataset.validation.targets)
    assert label.shape == (32, 3)
    assert not label[24:].any()


def test_batches_of_kept_features_bring_the_same_labels(movers, tmp_path):
    config = runs.config(movers | LENGTH | {"evaluation.batch": 16})
    dataset = open_dataset(config)
    tokens = TowerTokens(
        *(jax.ShapeDtypeStruct(shape, np.float32) for shape in ((1, 2), (1, 0, 2)))
    )

    def kept(name, source):
        files = FeatureFiles(tmp_path / name, Layout(len(source), 2, tokens), {})
        files.videos["reason"] = -1
        return files

    features = CachedFeatures(kept("train", dataset.train), kept("val", dataset.validation))
    run = SimpleNamespace(config=config, dataset=dataset, features=features)
    pairs = (
        (batches.train_batches(run, first_step=0), train_batches(config, dataset, first_step=0)),
        (batches.validation_batches(run), validation_batches(config, dataset)),
    )
    for own, loaded in pairs:
        of_features, of_videos = next(own), next(loaded)
        loaded.close()
        assert of_features["label"].ndim == 2
        for name in ("label", "index"):
            np.testing.assert_array_equal(of_features[name], of_videos[name])


@pytest.fixture(scope="module")
def trained(movers, tmp_path_factory):
    """A run of 16 steps, in two parts a step, with mixing, smoothing and flips."""
    overrides = movers | LENGTH | {"train.accumulation": 2, "train.loss": "asymmetric"}
    workdir = tmp_path_factory.mktemp("trained") / "run"
    assert main(runs.arguments(workdir, overrides)) == 0
    return workdir, overrides


def test_a_run_says_what_is_defined_for_several_labels(trained):
    workdir, _ = trained
    last = runs.entries(workdir)[-1]
    scored = {key.removeprefix("val/") for key in last if key.startswith("val/")}
    assert {"map", "macro_f1", "top1", "top5", "ece", "class/a red one"} <= scored
    assert "macro_accuracy" not in scored
    classes = [last[f"val/class/{name}"] for name in ("a blue square", "a green one", "a red one")]
    assert last["val/map"] == pytest.approx(np.mean(classes), abs=1e-12)
    assert (workdir / "checkpoints" / "best").is_dir()


def test_a_run_that_was_killed_ends_as_undisturbed(trained, tmp_path):
    workdir, overrides = trained
    other = tmp_path / "run"
    shutil.copytree(workdir, other)
    # As a kill before the last checkpoint leaves it.
    shutil.rmtree(other / "checkpoints" / "latest" / "16")
    shutil.rmtree(other / "checkpoints" / "best")
    assert main(runs.arguments(other, overrides)) == 0
    assert runs.differences(workdir, other) == []


@pytest.mark.slow
def test_one_device_and_two_processes_train_to_the_same(movers, tmp_path, cache):
    overrides = movers | LENGTH
    runs.finish(runs.start(tmp_path / "one", overrides, cache=cache, devices=4))
    for process in runs.start_two(tmp_path / "two", overrides, cache=cache, devices=2):
        runs.finish(process)
    for one, two in zip(*map(runs.entries, (tmp_path / "one", tmp_path / "two")), strict=True):
        assert one.keys() == two.keys()
        for key in ("train/loss", "val/map", "val/macro_f1"):
            if key in one:
                assert two[key] == pytest.approx(one[key], rel=1e-4), key


@pytest.mark.slow
def test_a_killed_process_goes_on_bit_for_bit(movers, tmp_path, cache):
    overrides = movers | {"train.checkpoint_every": 20, "train.evaluate_every": 100}
    runs.finish(runs.start(tmp_path / "one", overrides, cache=cache))
    process = runs.start(tmp_path / "other", overrides, cache=cache)
    runs.wait_for_checkpoint(process, tmp_path / "other", 20)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    runs.finish(runs.start(tmp_path / "other", overrides, cache=cache))
    assert runs.differences(tmp_path / "one", tmp_path / "other") == []


@pytest.mark.slow
def test_a_run_of_kept_features_takes_several_labels(movers, tmp_path):
    overrides = movers | CACHED | {"train.steps": 8} | {"train.evaluate_every": 8}
    assert main(runs.arguments(tmp_path / "run", overrides)) == 0
    last = runs.entries(tmp_path / "run")[-1]
    assert last["val/videos"] == 24
    assert 0 < last["val/map"] <= 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model.probabilities": "softmax", "train.loss": "cross_entropy"},
         ("clips of several labels", "model.probabilities", "expected sigmoid", "train.loss")),
        ({"train.class_balance": "sampling"}, ("train.class_balance", "expected none")),
        ({"train.class_balance": "weights"}, ("train.class_balance",)),
        ({"train.best_metric": "macro_accuracy"}, ("train.best_metric", "expected map")),
        ({"train.loss": "cross_entropy"}, ("train.loss", "binary_cross_entropy or asymmetric")),
    ],
)  # fmt: skip
def test_what_does_not_go_with_several_labels_is_said(movers, values, words, tmp_path, capsys):
    runs.fails(capsys, tmp_path / "run", movers | values, *words)


def test_lists_of_several_and_of_single_labels_do_not_mix(movers, tmp_path, capsys):
    source = Path(movers["data.train"].removeprefix("split:").removesuffix("@train"))
    lines = source.read_text().splitlines()
    single = tmp_path / "single.csv"
    single.write_text("\n".join(line for line in lines if ";" not in line and ",," not in line))
    values = {
        "data.validation": f"split:{single}@validation",
        "data.class_names": None,
        "data.root": str(source.parent),
    }
    runs.fails(
        capsys, tmp_path / "run", movers | values, "one label for each", "expected both of a kind"
    )


def test_a_label_that_is_no_class_is_named(movers, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text("a blue square\na green one\nsomething yellow\n")
    values = {"data.class_names": str(names)}
    runs.fails(capsys, tmp_path / "run", movers | values, "a red one")
