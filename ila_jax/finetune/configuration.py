"""The configuration of a fine-tuning: made from what was decided, and written as a file."""

import dataclasses
import os
import pprint
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax

from ila_jax.config import (
    AugmentConfig,
    Config,
    DataConfig,
    EvaluationConfig,
    InitialConfig,
    OptimizerConfig,
    TrainConfig,
    from_config,
    read_config,
    set_value,
    to_dict,
)
from ila_jax.data.sources.opening import Splits
from ila_jax.data.sources.source import class_counts, ground_truth
from ila_jax.files.publish import publish_text
from ila_jax.finetune import decisions as decide
from ila_jax.finetune.decisions import Decision
from ila_jax.finetune.options import Folder, Options
from ila_jax.finetune.origin import Origin
from ila_jax.finetune.videos import BAD_FRACTION
from ila_jax.scoring.metrics import METRICS
from ila_jax.train.parameter_groups import GROUPS, find_lr_factors

_FILE = '''\
"""Made by {command}. To change something, edit a copy of it and train with that:

    python -m ila_jax.train --config COPY.py --workdir ANOTHER_FOLDER
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """The configuration, for `--config`."""
    return ConfigDict(
{values}
    )
'''


class _Choices(NamedTuple):
    """What was decided of a training, as its configuration holds it."""

    batch: int
    epochs: float
    rate: float
    blocks: int | None
    patience: int | None
    balance: Any
    loss: Any
    precision: Any

    @property
    def several_labels(self) -> bool:
        """Whether a clip may have any number of the classes."""
        return bool(self.loss != "cross_entropy")


def make_configuration(
    options: Options, folder: Folder, origin: Origin, splits: Splits
) -> tuple[Config, list[Decision]]:
    """The configuration, before it is made to fit the memory, and what was decided.

    Errors: ValueError for options that make no run.
    """
    choices, decisions = _choose(options, origin, splits)
    recipe, replace = origin.recipe, dataclasses.replace
    augment, whose = decide.choose_augmentation(
        recipe.augment, origin.whose, len(splits.train.source), fresh_head=origin.fresh_head
    )
    made = Config(
        model=replace(origin.model, precision=choices.precision),
        initial=InitialConfig(pretrained=origin.pretrained, scratch=origin.pretrained is None),
        data=_data(recipe.data, folder, choices.blocks),
        augment=_augment(augment, choices),
        optimizer=_optimizer(recipe.optimizer, choices),
        train=_train(recipe.train, choices, options.seed),
        evaluation=EvaluationConfig(
            batch=64, time_order=False, clips=options.clips, crops=options.crops
        ),
    )
    config = _overridden(made, options)
    return config, [
        *origin.decisions,
        *decisions,
        *([decide.UNSMOOTHED] if choices.several_labels else []),
        decide.describe_augmentation(config, whose),
        Decision("evaluation", f"{options.clips} × {options.crops} views", "--clips × --crops"),
    ]


def _choose(
    options: Options, origin: Origin, splits: Splits
) -> tuple[_Choices, tuple[Decision, ...]]:
    """Decides what options leave open, by the videos and by what training starts from."""
    videos, recipe = len(splits.train.source), origin.recipe
    batch, about_batch = decide.choose_batch(videos, jax.device_count(), options.batch)
    of_recipe = recipe.optimizer.rate, recipe.train.batch
    times = find_lr_factors({"head": {"fc": 0}}, GROUPS[recipe.optimizer.groups])["head/fc"]
    chosen = (
        (batch, about_batch),
        decide.choose_epochs(
            options.epochs, _epochs(options.recipe), from_noise=origin.pretrained is None
        ),
        decide.choose_rate(of_recipe, batch, options.rate, origin.whose, times),
        decide.choose_blocks(options.recipe, origin.model.geometry().depth, options.blocks),
        decide.choose_patience(options.patience, _measure(splits)),
        *_of_labels(options, splits),
        _precision(),
    )
    values, decisions = zip(*chosen, strict=True)
    return _Choices(*values), decisions


def _of_labels(options: Options, splits: Splits) -> tuple[tuple[Any, Decision], ...]:
    """How classes are balanced, and the loss."""
    truth = ground_truth(splits.train.source)
    counts = class_counts(truth, len(splits.class_names)).tolist()
    if truth.ndim == 2:
        return (
            decide.choose_balance_of_several(options.balance),
            decide.choose_loss(sum(counts) / len(truth), len(counts)),
        )
    clips = dict(zip(splits.class_names, counts, strict=True))
    reason = "each clip has one label"
    return (
        decide.choose_balance(clips, options.balance),
        ("cross_entropy", Decision("loss", "cross entropy", reason)),
    )


def _measure(splits: Splits) -> str:
    """The metric that chooses checkpoints, in words."""
    return METRICS[_best_metric(splits.several_labels)].title


def _best_metric(several_labels: bool) -> Literal["map", "macro_accuracy"]:
    # Of uneven classes, top-1 is the accuracy of the largest.
    return "map" if several_labels else "macro_accuracy"


def _epochs(recipe: str) -> float:
    """The length of a recipe's configuration."""
    epochs: float = read_config(f"finetune/{recipe}")["train"]["epochs"]
    return epochs


def _data(data: DataConfig, folder: Folder, blocks: int | None) -> DataConfig:
    """How frames are taken stays as in the recipe; the videos are those of the split."""
    return dataclasses.replace(
        data,
        # The recipe may be that of a run whose tower was frozen, and this one's need not be.
        cached_views=data.cached_views if blocks == 0 else 0,
        train=f"split:{folder.split}@train",
        validation=f"split:{folder.split}@validation",
        class_names=None,
        root="",
        motion_pairs=None,
        mirror=None,
        on_bad_video="replace",
        max_bad_fraction=BAD_FRACTION,
        threads=os.cpu_count() or 1,
        processes=0,
    )


def _augment(augment: AugmentConfig, choices: _Choices) -> AugmentConfig:
    """The same, without smoothing where clips have several labels."""
    return dataclasses.replace(augment, label_smoothing=0.0) if choices.several_labels else augment


def _optimizer(optimizer: OptimizerConfig, choices: _Choices) -> OptimizerConfig:
    """The recipe's, with the rate scaled from its first to its last step."""
    last = optimizer.minimal_rate / optimizer.rate if optimizer.rate else 0.0
    return dataclasses.replace(
        optimizer,
        rate=choices.rate,
        minimal_rate=choices.rate * last,
        warmup_epochs=decide.WARMUP * choices.epochs,
        trained_blocks=choices.blocks,
    )


def _train(train: TrainConfig, choices: _Choices, seed: int) -> TrainConfig:
    return dataclasses.replace(
        train,
        **_lengths(choices.epochs),
        batch=choices.batch,
        seed=seed,
        loss=choices.loss,
        class_balance=choices.balance,
        best_metric=_best_metric(choices.several_labels),
        patience=choices.patience,
        accumulation=1,
        wandb=None,
    )


def _lengths(epochs: float) -> dict[str, Any]:
    """The lengths of a run: all in epochs, so that another number of clips changes none of them."""
    every = decide.epochs_between_validations(epochs)
    return {
        "steps": 0, "epochs": epochs,
        # Often enough to watch, and seldom enough that no device waits for it.
        "log_every": 0, "log_every_epochs": 0.25,
        "checkpoint_every": 0, "checkpoint_every_epochs": every,
        "evaluate_every": 0, "evaluate_every_epochs": every,
    }  # fmt: skip


def _precision() -> tuple[Any, Decision]:
    kind = jax.default_backend()
    name = "float32" if kind == "cpu" else "bfloat16"
    why = "processors emulate bfloat16" if kind == "cpu" else "half the memory on accelerators"
    return name, Decision("precision", name, why)


def _overridden(config: Config, options: Options) -> Config:
    """The configuration with the values that were given by --config.KEY=VALUE."""
    values = to_dict(config)
    for key, value in options.overrides:
        set_value(values, key, value)
    return from_config(values)


def write_configuration(
    config: Config, path: Path, command: str = "python -m ila_jax.finetune"
) -> None:
    """Writes a file that `--config` takes. command: what it says made it. Errors: OSError."""
    values = pprint.pformat(to_dict(config), indent=1, width=90, sort_dicts=False)
    text = "\n".join(f"        {line}" for line in values.splitlines())
    publish_text(path, _FILE.replace("{command}", command).replace("{values}", text))
