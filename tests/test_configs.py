"""Every shipped configuration makes the run that it says, and a wrong one is told in words."""

import dataclasses
import functools
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from ila_jax.config import differences, from_config, model_from_dict, read_config, to_dict
from ila_jax.models import model
from ila_jax.sizes import Geometry
from ila_jax.train.recipe import make_recipe

ROOT = Path(__file__).parents[1]
NOT_CONFIGS = {"__init__.py", "paper.py", "recipe.py"}  # what configurations share
FILES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "configs").rglob("*.py")
    if path.name not in NOT_CONFIGS
)
# Parameters in all, trained and frozen; training.md's paper rows: top-1, top-5, GFLOPs or None.
SHIPPED = {
    "configs/quickstart.py": (235_744, None),
    "configs/ablation.py": (235_744, None),
    "configs/alignment.py": (235_744, None),
    # The model of k400/b16_8f.
    "configs/finetune/frozen.py": (199_940_401, None),
    "configs/finetune/partial.py": (199_940_401, None),
    "configs/finetune/full.py": (199_940_401, None),
    "configs/k400/b32_8f.py": (201_596_977, ("81.3", "95.0", "40")),
    "configs/k400/b32_16f.py": (201_601_073, ("82.4", "95.8", None)),
    "configs/k400/b16_8f.py": (199_940_401, ("84.0", "96.6", None)),
    "configs/k400/b16_16f.py": (199_944_497, ("85.7", "97.2", "295")),
    "configs/k400/l14_8f.py": (567_749_473, ("88.0", "98.1", "673")),
    "configs/k400/l14_336_16f.py": (568_083_297, ("88.7", "97.8", "3130")),
    "configs/ssv2/b16_8f.py": (167_432_158, ("65.0", "89.2", None)),
    "configs/ssv2/b16_16f.py": (167_436_254, ("66.8", "90.3", "438")),
    "configs/ssv2/l14_8f.py": (529_346_062, ("67.8", "90.5", "907")),
    "configs/ssv2/l14_336_16f.py": (529_679_886, ("70.2", "91.8", "3723")),
}
PAPER = [name for name, (_, row) in SHIPPED.items() if row is not None]
# What a file's name says.
SIZES = {"b32": "B/32", "b16": "B/16", "l14": "L/14", "l14_336": "L/14@336"}

# Both columns of training.md's table where they agree, then each alone.
RECIPE = {
    "model.temporal": "ila",
    "model.channels": 256,
    "model.precision": "bfloat16",
    "initial.pretrained": None,
    "initial.scratch": False,
    "initial.resume": None,
    "data.motion_pairs": None,
    "augment.scales": (1.0, 0.875, 0.75, 0.66),
    "augment.flip": 0.5,
    "augment.jitter": 0.8,
    "augment.brightness": 0.4,
    "augment.contrast": 0.4,
    "augment.saturation": 0.2,
    "augment.hue": 0.1,
    "augment.grayscale": 0.2,
    "augment.mixup": 0.8,
    "augment.cutmix": 1.0,
    "augment.label_smoothing": 0.1,
    "optimizer.warmup_epochs": 5.0,
    "optimizer.betas": (0.9, 0.98),
    "optimizer.eps": 1e-8,
    "optimizer.clip_norm": 0.0,
    "train.batch": 256,
    "train.alignment_weight": 1.0,
    "train.alignment_noise": 0.2,
    "evaluation.time_order": False,
    "evaluation.clips": 4,
    "evaluation.crops": 3,
    "evaluation.sampling": "fixed",
}
RECIPES = {
    "k400": RECIPE
    | {
        "model.head": "text",
        "model.classes": None,
        "model.convolutions": "k400",
        "data.sampling": "segments",
        "optimizer.groups": "k400",
        "optimizer.rate": 8e-6,
        "optimizer.minimal_rate": 8e-8,
        "optimizer.weight_decay": 0.003,
        "train.steps": 50_000,
    },
    "ssv2": RECIPE
    | {
        "model.head": "linear",
        "model.classes": 174,
        "model.convolutions": "ssv2",
        "model.dropout": 0.5,
        "data.sampling": "interval",
        "optimizer.groups": "ssv2",
        "optimizer.rate": 5e-4,
        "optimizer.minimal_rate": 5e-6,
        "optimizer.weight_decay": 0.01,
        "train.steps": 30_000,
    },
}


@functools.cache
def shipped(file):
    return from_config(read_config(str(ROOT / file)))


def dotted(config):
    return {".".join(path): value for path, value in flatten_dict(to_dict(config)).items()}


def test_every_shipped_configuration_is_in_the_table():
    assert sorted(SHIPPED) == FILES


@pytest.mark.parametrize("file", FILES)
def test_the_model_has_its_number_of_parameters(file):
    params = model.abstract(shipped(file).model).params
    assert sum(x.size for x in jax.tree.leaves(params)) == SHIPPED[file][0]


@pytest.mark.parametrize("file", PAPER)
def test_the_recipe_is_the_papers(file):
    found = dotted(shipped(file))
    expected = RECIPES[Path(file).parent.name]
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("file", PAPER)
def test_the_model_is_what_the_file_name_says(file):
    size, _, frames = Path(file).stem.rpartition("_")
    config = shipped(file).model
    assert (config.size, f"{config.frames}f") == (SIZES[size], frames)


@pytest.mark.parametrize("file", FILES)
def test_the_docstring_holds_the_command(file):
    text = (ROOT / file).read_text()
    name = file.removeprefix("configs/").removesuffix(".py")
    stem = name.replace("/", "_")
    assert f"python -m ila_jax.train --config {name} --workdir runs/{stem}" in text


@pytest.mark.parametrize("file", PAPER)
def test_the_docstring_holds_the_papers_row_and_where_data_and_weights_go(file):
    text = (ROOT / file).read_text()
    top1, top5, flops = SHIPPED[file][1]
    assert f"top-1 {top1}, top-5 {top5} " in text
    assert (f"{flops} GFLOPs" if flops else "no GFLOPs published") in text
    assert f"python -m ila_jax.convert --input ViT-{file.split('/')[-1][0].upper()}" in text
    name = file.removeprefix("configs/").removesuffix(".py")
    assert text.count(f"--config {name} ") == 2
    data = shipped(file).data
    assert data.class_names is None
    for key in ("root", "train", "validation"):
        assert f"--config.data.{key}={getattr(data, key)}" in text
    folder = text.split("--output ")[1].split()[0]
    assert f"--config.initial.pretrained={folder} " in text


@pytest.mark.parametrize("file", FILES)
def test_a_recipe_can_be_made_and_trains_what_training_md_says(file):
    config = shipped(file)
    recipe = make_recipe(config, mirror=np.arange(config.model.classes or 400), steps_per_epoch=650)
    assert recipe.classes == (config.model.classes or 400)
    found = {part: rates(recipe, part) for part in ("visual", "temporal", "mit", "head", "text")}
    head = {"head/logit_scale": {0.0}} if config.model.head == "text" else {}
    text = {0.0} if config.model.head == "text" else set()
    expected = {
        "k400": {"visual": {1.0}, "temporal": {10.0}, "mit": {10.0}, "head": {10.0}},
        "ssv2": {"visual": {0.0}, "temporal": {1.0}, "mit": {1.0}, "head": {1.0}},
        "scratch": {"visual": {1.0}, "temporal": {1.0}, "mit": {1.0}, "head": {1.0}},
    }[config.optimizer.groups]
    if config.optimizer.trained_blocks is not None:
        for part in ("visual", "temporal"):
            trained = expected[part] if config.optimizer.trained_blocks else set()
            expected[part] = trained | {0.0}
    assert found == expected | {"text": text}
    for path, rate in head.items():
        assert {recipe.lr_factors[path]} == rate


@pytest.mark.parametrize(
    ("file", "papers"), [("frozen", "ssv2"), ("partial", "k400"), ("full", "k400")]
)
def test_the_rates_of_own_videos_are_the_papers_for_a_smaller_batch(file, papers):
    config, share = shipped(f"configs/finetune/{file}.py"), 32 / 256
    assert config.train.batch == 32
    for name in ("rate", "minimal_rate"):
        of_paper = RECIPES[papers][f"optimizer.{name}"]
        assert getattr(config.optimizer, name) == pytest.approx(share * of_paper)
    assert config.optimizer.weight_decay == RECIPES[papers]["optimizer.weight_decay"]
    assert (config.train.steps, config.train.epochs) == (0, 50 if file == "frozen" else 30)
    smaller = from_config(read_config(f"finetune/{file}:B/32"))
    assert differences(config, smaller) == ["model.size: 'B/16', 'B/32'"]


def rates(recipe, part):
    """The rates in a part of the model; `temporal` is what is new in the image tower."""
    return {
        rate
        for path, rate in recipe.lr_factors.items()
        if ("temporal" if "/temporal/" in path else path.split("/")[0]) == part
        and path != "head/logit_scale"
    }


@pytest.mark.parametrize("file", FILES)
def test_a_config_comes_back_from_json(file):
    config = shipped(file)
    assert from_config(json.loads(json.dumps(to_dict(config)))) == config


def test_a_model_with_its_own_shape_comes_back_from_json():
    shape = Geometry(
        patch=8, resolution=32, width=64, depth=2, embed=64, text_width=64, text_depth=1
    )
    config = dataclasses.replace(shipped("configs/quickstart.py").model, shape=shape)
    assert model_from_dict(json.loads(json.dumps(to_dict(config)))) == config
    assert config.geometry() == shape


def test_differences_names_keys_and_both_values():
    one, other = shipped("configs/k400/b32_8f.py"), shipped("configs/k400/b16_8f.py")
    assert differences(one, other) == ["model.size: 'B/32', 'B/16'"]
    assert differences(one, one) == []
