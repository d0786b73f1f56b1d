"""What a fine-tuning starts from: weights of CLIP, X-CLIP, ILA or a run of ours, or noise."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ila_jax.config import IMAGENET_PIXELS, Config, ModelConfig, from_config, read_config
from ila_jax.finetune.decisions import ASKED, Decision
from ila_jax.finetune.options import Folder, Options
from ila_jax.models.model import Variables
from ila_jax.models.paths import by_path, from_paths
from ila_jax.models.variants import TEMPORAL
from ila_jax.recognizer import Recognizer
from ila_jax.train.recipe import lr_factors_of
from ila_jax.weights.adapt import Allow, adapt
from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.folder import load, save
from ila_jax.weights.foreign.hub import PREFIX

# Whose model, augmentation and rates are taken where no run says its own. With weights it is the
# configuration of the recipe, `finetune/full` and others.
_NOISE = "quickstart"
_FULL, _FROZEN = "finetune/full", "finetune/frozen"
# What a block has from CLIP, whatever the temporal model.
_OF_CLIP = "visual/blocks/0/spatial/"
# The learning rate of a fresh linear head and multi-frame integration, for the recipes' 32 clips,
# as is usual for a head alone. At the recipe's 6.25e-5 it learnt little (finetune.md).
_FRESH = 1e-3
# Where the tower trains too: the groups, and how many times its rate they give to the head.
_FRESH_GROUPS, _TIMES = "fresh_head", 160


@dataclass(frozen=True)
class Origin:
    """What the training starts from.

    model: the one to train. recipe: a configuration whose augmentation, optimizer and rates are
    taken. whose: of whom that is, in words. pretrained: the folder of the weights; None for noise.
    fresh_head: whether its linear head has all to learn.
    """

    model: ModelConfig
    recipe: Config
    whose: str
    pretrained: str | None
    fresh_head: bool
    decisions: tuple[Decision, ...]


def prepare_origin(
    options: Options, folder: Folder, class_names: Sequence[str], *, several_labels: bool
) -> Origin:
    """Reads the weights, fits them to the classes and the options, and writes them to the folder.

    several_labels: whether a clip may have any number of the classes.
    Errors: ValueError in plain words for what is no weights, and for weights that do not fit.
    """
    if options.temporal is not None and options.temporal not in TEMPORAL:
        raise ValueError(
            f"--temporal is {options.temporal!r}: expected one of {', '.join(sorted(TEMPORAL))}"
        )
    if options.weights is None:
        return _noise(options, len(class_names), several_labels)
    if options.size is not None:
        raise ValueError("--size is that of the weights: give it without --weights only")
    source = read_weights(options.weights)
    target = _fitted(source.config, options, len(class_names), several_labels)
    allow = Allow(
        frames=target.frames != source.config.frames,
        resolution=options.resolution is not None,
        reset_head=target.head == "linear",
    )
    variables, is_new = source.variables, tuple(source.class_names or ()) != tuple(class_names)
    # Of softmax's logits only the differences count, which is not so of sigmoid's.
    is_new |= source.config.probabilities != target.probabilities
    if is_new:
        variables = _without_linear_head(variables)
    fitted, report = adapt(
        source.config, variables, source.origin, target, allow=allow, seed=options.seed
    )
    names = class_names if target.head == "text" else None
    save(Recognizer(target, fitted.variables, names, fitted.origin), folder.weights, force=True)
    fresh_head = target.head == "linear" and is_new
    recipe, whose = recipe_of(options, fresh_head=fresh_head)
    shape = f"{target.temporal}, size {target.size}, {target.frames} frames, {target.head} head"
    decisions = [
        Decision("start", options.weights, ASKED),
        Decision("model", shape, _why(source.config, target, options)),
        *(Decision("weights", note, "so that they fit") for note in report.notes),
    ]
    return Origin(target, recipe, whose, str(folder.weights), fresh_head, tuple(decisions))


def _noise(options: Options, classes: int, several_labels: bool) -> Origin:
    if options.recipe != "full":
        raise ValueError(
            f"--recipe {options.recipe} keeps most of the weights as they are, and without "
            "--weights they are noise: give --weights, or take --recipe full"
        )
    recipe = from_config(read_config(_NOISE))
    changes = _asked(options) | ({} if options.size is None else {"size": options.size})
    model = dataclasses.replace(
        recipe.model, **changes, classes=classes, probabilities=_probabilities(several_labels)
    )
    shape = f"{model.temporal}, size {model.size}, {model.frames} frames, {model.head} head"
    why = "the quickstart's, small enough to learn from noise" if not changes else ASKED
    decisions = (
        Decision("start", "noise", "no --weights: a few hundred clips teach little this way"),
        Decision("model", shape, why),
    )
    return Origin(model, recipe, "the quickstart", None, model.head == "linear", decisions)


def read_weights(source: str) -> Recognizer:
    """The model of any kind of weights: ours as it is, and of others what their files hold.

    Errors: those of `load` and `convert_file`.
    """
    path = Path(source)
    if source.startswith(PREFIX) or not path.exists() or _is_ours(path):
        return load(source)
    return convert_file(path, Target()).recognizer


def _is_ours(path: Path) -> bool:
    return (path / "checkpoints").is_dir() or (path / "model.json").is_file()


def _fitted(
    source: ModelConfig, options: Options, classes: int, several_labels: bool
) -> ModelConfig:
    """The model to train: that of the weights, with what was asked for and for these classes."""
    changes = _asked(options)
    if source.temporal == "clip":
        # Nobody trains plain CLIP: the paper's model is put around it, and the paper's pixels.
        paper = from_config(read_config(_FULL)).model
        names = ("temporal", "convolutions", "channels", "dropout", "templates")
        changes = {name: getattr(paper, name) for name in names} | changes
        changes["pixels"] = IMAGENET_PIXELS
    # A text head tells which class is likelier than another, and not which are there.
    changes["head"] = "linear" if several_labels else source.head
    changes["classes"] = classes if changes["head"] == "linear" else None
    changes["probabilities"] = _probabilities(several_labels)
    return dataclasses.replace(source, **changes, remat="none")


def _probabilities(several_labels: bool) -> Literal["softmax", "sigmoid"]:
    return "sigmoid" if several_labels else "softmax"


def _asked(options: Options) -> dict[str, Any]:
    """What the options say of the model."""
    asked = {name: getattr(options, name) for name in ("temporal", "frames", "resolution")}
    return {name: value for name, value in asked.items() if value is not None}


def _why(source: ModelConfig, target: ModelConfig, options: Options) -> str:
    if source.temporal == "clip" and options.temporal is None:
        return "the weights are CLIP's: the paper's model around it"
    if source.head != target.head:
        return "that of the weights, with a head for clips of several labels"
    return "that of the weights" if not _asked(options) else f"that of the weights, and {ASKED}"


def _without_linear_head(variables: Variables) -> Variables:
    """The variables without a linear head, which belongs to other classes."""
    leaves = by_path(variables.params)
    kept = {
        path: x for path, x in leaves.items() if not path.startswith(("head/fc/", "head/norm/"))
    }
    return Variables(from_paths(kept), variables.batch_stats)


def recipe_of(options: Options, *, fresh_head: bool) -> tuple[Config, str]:
    """The configuration whose rates fit the weights, that of their run or the recipe's; and whose.

    fresh_head: whether a linear head has all to learn.
    """
    source = str(options.weights)
    run = source if Path(source).exists() else source.rpartition("@")[0]
    file = Path(run) / "config.json"
    name = f"finetune/{options.recipe}"
    if run and (Path(run) / "checkpoints").is_dir() and file.is_file():
        config = from_config(json.loads(file.read_text("utf-8")))
        if name == _FROZEN:
            return _kept_once(config), f"the run in {run}"
        if _trains_tower(config):
            return config, f"the run in {run}"
        return _tower_rates(config, name), f"{name}, as the run in {run} kept its image tower"
    config = from_config(read_config(name))
    if not fresh_head:
        return config, name
    # At the rates of a text head, which knows something of any class from the start, a fresh head
    # would hardly move in so few steps.
    groups, rate = config.optimizer.groups, _FRESH
    if name != _FROZEN:
        groups, rate = _FRESH_GROUPS, _FRESH / _TIMES
    optimizer = dataclasses.replace(
        config.optimizer, groups=groups, rate=rate, minimal_rate=rate / 100
    )
    return dataclasses.replace(config, optimizer=optimizer), f"{name}, for a fresh head"


def _trains_tower(config: Config) -> bool:
    """Whether the groups of a configuration give CLIP's part of the image tower a rate."""
    of_all = dataclasses.replace(config.optimizer, trained_blocks=None)
    factors = lr_factors_of(dataclasses.replace(config, optimizer=of_all))
    return any(factor for path, factor in factors.items() if path.startswith(_OF_CLIP))


def _tower_rates(config: Config, name: str) -> Config:
    """The configuration of a run that kept its tower, with the optimizer of a recipe, by its name.

    Such a run says nothing of how fast a tower is to learn, but how frames are taken is its own.
    """
    recipe = from_config(read_config(name))
    # Rates are for a number of clips.
    train = dataclasses.replace(config.train, batch=recipe.train.batch)
    return dataclasses.replace(
        config, train=train, optimizer=recipe.optimizer, augment=recipe.augment
    )


def _kept_once(config: Config) -> Config:
    """The configuration of a run, training from what a frozen tower gives for fixed clips."""
    frozen = from_config(read_config(_FROZEN))
    data = dataclasses.replace(config.data, cached_views=frozen.data.cached_views)
    # Nothing sees the pixels any more that other augmentation would change.
    return dataclasses.replace(config, data=data, augment=frozen.augment)
