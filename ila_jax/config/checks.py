"""Values of a configuration that fit their types and still make no run."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from ila_jax.config.lengths import IN_EPOCHS
from ila_jax.config.model import ModelConfig
from ila_jax.config.sections import (
    AugmentConfig,
    DataConfig,
    EvaluationConfig,
    MeshConfig,
    OptimizerConfig,
    TrainConfig,
)

# Whether the value is possible, the key, the value, and in words which values are.
_Check = tuple[bool, str, Any, str]
_DAY = 86400.0  # seconds
# What goes with each kind of probabilities.
_LOSSES = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy or asymmetric"}


def impossible(sections: Mapping[str, Any]) -> list[str]:
    """Values that fit their types and still make no run, a sentence for each.

    sections: by their names; None for one that could not be built, of which nothing is said.
    """
    built = {name: section for name, section in sections.items() if section is not None}
    checks = [
        check
        for name, section in built.items()
        if name in _CHECKS
        for check in _CHECKS[name](section)
    ]
    # The checks of two sections, after those of one: they need both to be built.
    if "evaluation" in built and "data" in built:
        data, evaluation = built["data"], built["evaluation"]
        checks.append(
            (data.motion_pairs is not None or not evaluation.time_order, "evaluation.time_order",
             evaluation.time_order, "False without data.motion_pairs: it scores reversed pairs")
        )  # fmt: skip
    if "model" in built and "optimizer" in built and _has_geometry(built["model"]):
        depth, blocks = built["model"].geometry().depth, built["optimizer"].trained_blocks
        checks.append(
            (blocks is None or blocks <= depth, "optimizer.trained_blocks", blocks,
             f"at most {depth}, the blocks of the image tower")
        )  # fmt: skip
    if {"data", "optimizer", "augment"} <= built.keys() and built["data"].cached_views:
        checks += _cached(built["optimizer"], built["augment"])
    if "model" in built and "train" in built:
        kind, loss = built["model"].probabilities, built["train"].loss
        checks.append(
            ((kind == "softmax") == (loss == "cross_entropy"), "train.loss", loss,
             f"{_LOSSES[kind]} with model.probabilities={kind}")
        )  # fmt: skip
    return [
        f"{key}: expected {expected}, found {value!r}"
        for fine, key, value, expected in checks
        if not fine
    ] + (_no_geometry(built["model"]) if "model" in built else [])


def _has_geometry(model: ModelConfig) -> bool:
    """Whether size, patch and resolution come to shapes; `_no_geometry` says what is wrong."""
    try:
        model.geometry()
    except ValueError:
        return False
    return True


def _no_geometry(model: ModelConfig) -> list[str]:
    """What is wrong with the shapes that size, patch and resolution come to together."""
    # Apart from the other checks, as these shapes may not exist at all.
    try:
        geometry = model.geometry()
    except ValueError as error:
        return [f"model: {error}"]
    if geometry.grid >= 4:
        return []
    return [
        f"model.resolution {geometry.resolution} gives {geometry.grid} patches a side: "
        "the alignment halves the grid twice and needs at least 4"
    ]


def _model(model: ModelConfig) -> list[_Check]:
    return [
        (model.frames >= 2, "model.frames", model.frames, "at least 2: ILA aligns neighbours"),
        (model.channels % 8 == 0 and model.channels > 0, "model.channels", model.channels,
         "a positive multiple of 8: it is halved twice and split into two groups"),
        # What is kept is divided by 1 - dropout.
        (0 <= model.dropout < 1, "model.dropout", model.dropout, "a number in [0, 1)"),
        ((model.classes is None) == (model.head == "text"), "model.classes", model.classes,
         "a number with the linear head, None with the text head"),
        (model.classes is None or model.classes > 0, "model.classes", model.classes, "positive"),
        # Only plain CLIP takes the mean over texts of a class; the other heads have one text each.
        (model.temporal == "clip" or len(model.templates) == 1, "model.templates",
         model.templates, "one, but for plain CLIP"),
        (bool(model.templates) and all("{}" in text for text in model.templates),
         "model.templates", model.templates, "texts with {} in the place of the class's name"),
        # A text head's logits are cosines without a bias, all on one side of sigmoid's middle.
        (model.probabilities == "softmax" or model.head == "linear", "model.probabilities",
         model.probabilities, "softmax with the text head"),
        (0 < model.points.reach <= 1, "model.points.reach", model.points.reach,
         "a share of the way from the middle to the edge, more than 0 and no more than 1"),
        # Distances are divided by it.
        (0 < model.points.mask_width < math.inf, "model.points.mask_width",
         model.points.mask_width, "a positive number, 1 for the released masks"),
        # Pixels are divided by it.
        (min(model.pixels.std) > 0, "model.pixels.std", model.pixels.std, "positive numbers"),
    ]  # fmt: skip


def _data(data: DataConfig) -> list[_Check]:
    pairs = data.motion_pairs
    counts = {} if pairs is None else {
        "train_clips": pairs.train_clips, "validation_clips": pairs.validation_clips
    }  # fmt: skip
    return [
        (0 <= data.max_bad_fraction <= 1, "data.max_bad_fraction", data.max_bad_fraction,
         "a number between 0 and 1"),
        (min(data.threads, data.processes) >= 0, "data.threads, data.processes",
         (data.threads, data.processes), "not negative"),
        # More than a day would be no limit.
        (0 < data.time_limit <= _DAY, "data.time_limit", data.time_limit,
         "seconds, more than 0 and no more than a day"),
        ((data.stride is not None) == (data.sampling == "dense"), "data.stride", data.stride,
         "a number of frames with data.sampling=dense, None with any other"),
        (0 <= data.cached_views <= 1000, "data.cached_views", data.cached_views,
         "0 (off) to 1000"),
        (data.stride is None or data.stride > 0, "data.stride", data.stride, "1 or more"),
        # Each class has as many clips, and each clip its reversal in the same split.
        *((count > 0 and count % 8 == 0, f"data.motion_pairs.{name}", count,
           "a positive multiple of 8, the number of classes") for name, count in counts.items()),
    ]  # fmt: skip


def _augment(augment: AugmentConfig) -> list[_Check]:
    probabilities = ("flip", "jitter", "grayscale", "erasing")
    strengths = (
        "brightness", "contrast", "saturation", "mixup", "cutmix", "randaugment_deviation",
    )  # fmt: skip
    values = dataclasses.asdict(augment)
    return [
        (all(0.1 <= s <= 1 for s in augment.scales), "augment.scales", augment.scales,
         "numbers from 0.1 to 1, or none, (), for the middle of every frame"),
        *((0 <= values[name] <= 1, f"augment.{name}", values[name], "a probability")
          for name in probabilities),
        # Infinity fails this, and so does NaN, for which no comparison holds.
        *((0 <= values[name] < math.inf, f"augment.{name}", values[name], "0 (off) or more")
          for name in strengths),
        (0 <= augment.hue <= 0.5, "augment.hue", augment.hue,
         "a number in [0, 0.5]: half a turn of the colour circle reaches every hue"),
        # More of them would leave nothing to see; each takes time in every step.
        (0 <= augment.randaugment_layers <= 20, "augment.randaugment_layers",
         augment.randaugment_layers, "0 (off) to 20"),
        (0 <= augment.randaugment_magnitude <= 10, "augment.randaugment_magnitude",
         augment.randaugment_magnitude, "a number from 0 to 10"),
        # At 1 every class would have the same target, whatever the label.
        (0 <= augment.label_smoothing < 1, "augment.label_smoothing", augment.label_smoothing,
         "a number in [0, 1)"),
    ]  # fmt: skip


def _cached(optimizer: OptimizerConfig, augment: AugmentConfig) -> list[_Check]:
    """What trains from kept outputs of the image tower, which no pixels are seen any more."""
    values = dataclasses.asdict(augment)
    why = "with data.cached_views, which keeps what the image tower gives for fixed clips"
    return [
        (optimizer.trained_blocks == 0, "optimizer.trained_blocks", optimizer.trained_blocks,
         f"0, a frozen image tower, {why}"),
        *((values[name] == 0, f"augment.{name}", values[name], f"0 (off) {why}")
          for name in ("flip", "jitter", "grayscale", "mixup", "cutmix", "randaugment_layers",
                       "erasing")),
    ]  # fmt: skip


def _optimizer(optimizer: OptimizerConfig) -> list[_Check]:
    values = dataclasses.asdict(optimizer)
    return [
        (0 <= optimizer.rate < math.inf, "optimizer.rate", optimizer.rate, "0 or more"),
        # The cosine goes down to it, never up.
        (0 <= optimizer.minimal_rate <= optimizer.rate, "optimizer.minimal_rate",
         optimizer.minimal_rate, f"a number between 0 and the rate {optimizer.rate}"),
        # Adam divides by 1 - beta^t.
        (all(0 <= beta < 1 for beta in optimizer.betas), "optimizer.betas", optimizer.betas,
         "two numbers in [0, 1)"),
        (0 < optimizer.eps < math.inf, "optimizer.eps", optimizer.eps, "positive"),
        (optimizer.trained_blocks is None or optimizer.trained_blocks >= 0,
         "optimizer.trained_blocks", optimizer.trained_blocks, "0 or more, or None"),
        (0 < optimizer.layer_decay <= 1, "optimizer.layer_decay", optimizer.layer_decay,
         "a number in (0, 1], 1 for off"),
        *((0 <= values[name] < math.inf, f"optimizer.{name}", values[name], "0 (off) or more")
          for name in ("warmup_epochs", "weight_decay", "clip_norm")),
    ]  # fmt: skip


def _train(train: TrainConfig) -> list[_Check]:
    values = dataclasses.asdict(train)
    # Of batch and accumulation: a micro-batch has to be even as well, as pairs stay together.
    return [
        (train.class_balance != "weights" or train.loss == "cross_entropy", "train.class_balance",
         train.class_balance, "another value, or train.loss=cross_entropy, which weighs classes"),
        (train.batch > 0 and train.batch % 2 == 0, "train.batch", train.batch,
         "a positive even number: clip i is mixed with clip i xor 1"),
        (train.accumulation > 0, "train.accumulation", train.accumulation, "positive"),
        # An odd batch, and a number of parts below 1, are named by the two rows above.
        (train.batch % 2 != 0 or train.batch % (2 * max(train.accumulation, 1)) == 0,
         "train.accumulation", train.accumulation,
         f"a divisor of {train.batch // 2}, half of train.batch: its parts are even, too"),
        (0 <= train.ema < 1, "train.ema", train.ema, "0 (off) or a share below 1"),
        *_ema_epochs(train),
        (train.peak_tflops is None or train.peak_tflops > 0, "train.peak_tflops",
         train.peak_tflops, "a positive number of TFLOP/s, or None"),
        (train.patience is None or train.patience > 0, "train.patience", train.patience,
         "a positive number of validations, or None"),
        (train.wandb != "", "train.wandb", train.wandb, "the name of a project, or None"),
        (0 <= train.seed < 2**31, "train.seed", train.seed, "a number in [0, 2^31)"),
        (train.keep_best > 0, "train.keep_best", train.keep_best, "positive"),
        (train.hang_limit > 0, "train.hang_limit", train.hang_limit, "positive"),
        (train.max_skipped >= 0, "train.max_skipped", train.max_skipped, "0 or more"),
        *(check for names in IN_EPOCHS.items() for check in _length(values, *names)),
        *((0 <= values[name] < math.inf, f"train.{name}", values[name], "0 (off) or more")
          for name in ("alignment_weight", "alignment_noise")),
    ]  # fmt: skip


def _ema_epochs(train: TrainConfig) -> list[_Check]:
    """As other lengths, the average's is given once."""
    if train.ema_epochs is None:
        return []
    return [
        (
            0 < train.ema_epochs < math.inf,
            "train.ema_epochs",
            train.ema_epochs,
            "positive, or None",
        ),
        (train.ema == 0, "train.ema", train.ema, "0, as train.ema_epochs is given"),
    ]


def _length(values: Mapping[str, Any], epochs: str, steps: str) -> list[_Check]:
    """A length is given once, in steps or in epochs: who changes one sees that the other counts."""
    in_epochs, in_steps = values[epochs], values[steps]
    if in_epochs is None:
        return [(in_steps > 0, f"train.{steps}", in_steps, "positive")]
    return [
        (0 < in_epochs < math.inf, f"train.{epochs}", in_epochs, "positive"),
        (in_steps == 0, f"train.{steps}", in_steps, f"0, as train.{epochs} is given"),
    ]


def _evaluation(evaluation: EvaluationConfig) -> list[_Check]:
    values = dataclasses.asdict(evaluation)
    return [
        (values[name] > 0, f"evaluation.{name}", values[name], "positive")
        for name in ("batch", "clips", "crops")
    ]


def _mesh(mesh: MeshConfig) -> list[_Check]:
    return [(mesh.fsdp > 0 or mesh.fsdp == -1, "mesh.fsdp", mesh.fsdp, "positive, or -1 for all")]


# By the section's name. A new section without a check needs no row.
_CHECKS: dict[str, Callable[[Any], list[_Check]]] = {
    "model": _model,
    "data": _data,
    "augment": _augment,
    "optimizer": _optimizer,
    "train": _train,
    "evaluation": _evaluation,
    "mesh": _mesh,
}
