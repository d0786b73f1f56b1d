"""Weights of any kind become the start of a model of other classes, frames and resolution."""

import json

import numpy as np
import pytest

from ila_jax.config import from_config, read_config, to_dict
from ila_jax.finetune import origin
from ila_jax.finetune.options import Folder, Options
from ila_jax.finetune.origin import prepare_origin
from ila_jax.models.paths import by_path
from ila_jax.recognizer import Recognizer
from ila_jax.train.parameter_groups import GROUPS, find_lr_factors
from ila_jax.weights.folder import load, save
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from ila_jax.weights.state_dict import official_state
from tests.models import small
from tests.weights.test_adapt import clip_state

NAMES = ("opening a door", "walking")


def origin_of(weights, folder, names=NAMES, several_labels=False, **more):
    options = Options(videos="clips", workdir=folder, weights=str(weights), **more)
    return prepare_origin(options, Folder(folder), names, several_labels=several_labels)


def leaves(folder):
    return by_path(load(folder / "weights").variables.params)


def test_a_file_of_clip_gets_the_papers_model_around_it(tmp_path, quick_start):
    write_safetensors(tmp_path / "clip.safetensors", clip_state())
    made = origin_of(tmp_path / "clip.safetensors", tmp_path, frames=4)
    assert (made.model.temporal, made.model.head, made.model.frames) == ("ila", "text", 4)
    assert made.model.pixels.mean[0] == 123.675  # what the paper trains with, not CLIP's own
    assert made.whose == "finetune/full"
    assert made.recipe.optimizer.rate == 1e-6
    assert load(tmp_path / "weights").class_names == NAMES
    proj = clip_state()["visual.proj"]
    np.testing.assert_array_equal(leaves(tmp_path)["visual/projection/kernel"], proj)


def test_a_file_of_ila_goes_on_with_other_classes_and_frames(tmp_path):
    config = small.config("ila", "text")
    state = official_state(Recognizer(config, small.filled(config)))
    write_safetensors(tmp_path / "ila.safetensors", state)
    made = origin_of(tmp_path / "ila.safetensors", tmp_path, frames=5)
    assert (made.model.temporal, made.model.frames) == ("ila", 5)
    assert any("from 3 to 5 frames" in decision.value for decision in made.decisions)
    before, after = by_path(small.filled(config).params), leaves(tmp_path)
    changed = [p for p in before if not np.array_equal(before[p], after[p])]
    assert changed == ["mit/positions"]


@pytest.mark.parametrize(
    ("names", "fresh", "recipe", "rate"),
    [(("a", "b", "c", "d", "e"), True, "full", 6.25e-6),
     (("a", "b", "c", "d", "e"), True, "frozen", 1e-3),
     (("one", "two", "three", "four", "five"), False, "full", 1e-6),
     (("one", "two", "three", "four", "five"), False, "frozen", 6.25e-5)],
)  # fmt: skip
def test_a_linear_head_is_kept_for_the_same_classes_alone(
    names, fresh, recipe, rate, weights, tmp_path
):
    """As many classes of other names are other classes."""
    made = origin_of(weights, tmp_path, names, recipe=recipe)
    before, after = by_path(load(weights).variables.params), leaves(tmp_path)
    changed = {p.split("/")[1] for p in before if not np.array_equal(before[p], after[p])}
    assert changed == ({"fc", "norm"} if fresh else set())
    optimizer = made.recipe.optimizer
    assert (optimizer.rate, made.fresh_head) == (rate, fresh)
    # A fresh head learns as fast beside a tower that trains as it does alone.
    times = find_lr_factors({"head": {"fc": 0}}, GROUPS[optimizer.groups])["head/fc"]
    assert not fresh or times * rate == pytest.approx(1e-3)


@pytest.mark.parametrize(("recipe", "views", "flip"), [("frozen", 2, 0.0), ("full", 0, 0.5)])
def test_a_run_gives_its_rates_and_a_frozen_tower_is_computed_once(
    recipe, views, flip, weights, tmp_path, monkeypatch
):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    config = to_dict(from_config(read_config("quickstart")))
    config["optimizer"]["rate"] = 7e-4
    (run / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(origin, "load", lambda _: load(weights))
    made = origin_of(run, tmp_path, recipe=recipe)
    assert (made.recipe.optimizer.rate, made.whose) == (7e-4, f"the run in {run}")
    assert (made.recipe.data.cached_views, made.recipe.augment.flip) == (views, flip)


@pytest.mark.parametrize(
    ("groups", "blocks", "recipe", "of_recipe"),
    [("ssv2", None, "full", True), ("ssv2", None, "partial", True), ("ssv2", None, "frozen", False),
     ("k400", 0, "full", False), ("scratch", None, "partial", False)],
)  # fmt: skip
def test_a_run_that_kept_its_tower_gives_no_rates_for_training_it(
    groups, blocks, recipe, of_recipe, weights, tmp_path, monkeypatch
):
    """By its groups, that is: how many blocks train is chosen anew. Frames are taken as it did."""
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    config = to_dict(from_config(read_config("quickstart")))
    config["optimizer"] |= {"groups": groups, "trained_blocks": blocks, "rate": 7e-4}
    config["data"] |= {"sampling": "dense", "stride": 4}
    config["train"]["batch"] = 6
    (run / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(origin, "load", lambda _: load(weights))
    made = origin_of(run, tmp_path, recipe=recipe).recipe
    assert (made.data.sampling, made.data.stride) == ("dense", 4)
    own = from_config(read_config(f"finetune/{recipe}"))
    expected = (own.optimizer.rate, own.train.batch) if of_recipe else (7e-4, 6)
    assert (made.optimizer.rate, made.train.batch) == expected


def test_another_resolution_is_interpolated(weights, tmp_path):
    made = origin_of(weights, tmp_path, resolution=24)
    assert made.model.geometry().resolution == 24
    assert any("from 4×4 to 6×6" in decision.value for decision in made.decisions)


def test_weights_that_do_not_fit(weights, tmp_path):
    with pytest.raises(ValueError, match="--size is that of the weights"):
        origin_of(weights, tmp_path, size="tiny")
    with pytest.raises(ValueError, match="no multiple of the patch"):
        origin_of(weights, tmp_path, resolution=18)
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(ValueError, match="cannot be read"):
        origin_of(tmp_path / "text", tmp_path)
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize(
    ("asked", "reason"),
    [({}, "the quickstart's, small enough to learn from noise"),
     ({"temporal": "spatial"}, "as you asked"), ({"size": "tiny"}, "as you asked")],
)  # fmt: skip
def test_without_weights_the_model_is_the_quickstarts_or_the_one_asked_for(asked, reason, tmp_path):
    options = Options(videos="clips", workdir=tmp_path, weights=None, **asked)
    made = prepare_origin(options, Folder(tmp_path), NAMES, several_labels=False)
    assert (made.model.classes, made.pretrained) == (2, None)
    assert {name: getattr(made.model, name) for name in asked} == asked
    assert [decision.reason for decision in made.decisions][1] == reason


def test_from_noise_everything_trains(tmp_path):
    options = Options(videos="clips", workdir=tmp_path, weights=None, recipe="frozen")
    with pytest.raises(ValueError, match=r"--recipe frozen keeps most .* take --recipe full"):
        prepare_origin(options, Folder(tmp_path), NAMES, several_labels=False)


def test_folder_of_weights_is_replaced_when_asked_anew(weights, tmp_path):
    origin_of(weights, tmp_path)
    origin_of(weights, tmp_path, ("x", "y", "z"))
    assert load(tmp_path / "weights").config.classes == 3
    other = tmp_path / "other"
    config = small.config("spatial", "linear")
    save(Recognizer(config, small.filled(config), None), other)
    assert origin_of(other, tmp_path).model.classes == 2


def test_for_several_labels_a_model_of_text_gets_a_linear_head_with_a_probability_each(tmp_path):
    config = small.config("spatial", "text")
    state = official_state(Recognizer(config, small.filled(config)))
    write_safetensors(tmp_path / "other.safetensors", state)
    origin = origin_of(tmp_path / "other.safetensors", tmp_path, several_labels=True)
    model = origin.model
    assert (model.head, model.classes, model.probabilities) == ("linear", 2, "sigmoid")
    assert leaves(tmp_path)["head/fc/kernel"].shape[-1] == 2
    assert "with a head for clips of several labels" in origin.decisions[1].reason


def test_a_head_of_the_same_classes_that_excluded_each_other_starts_fresh(weights, tmp_path):
    names = ("one", "two", "three", "four", "five")
    origin_of(weights, tmp_path, names, several_labels=True)
    before, after = by_path(load(weights).variables.params), leaves(tmp_path)
    changed = {p.split("/")[1] for p in before if not np.array_equal(before[p], after[p])}
    assert "fc" in changed
