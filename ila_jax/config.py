"""What a run is made of, as frozen dataclasses; `from_config` checks a file before work starts."""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ila_jax.sizes import SIZES, Geometry

Precision = Literal["bfloat16", "float32", "float64"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A recognizer. shape: of towers that have no name. patch, resolution: None takes the size's.

    temporal: name of the temporal model. frames: T. classes: rows of the linear head; None with
    the text head, whose classes are its class names. convolutions: which of the released forms of
    the interactive block. channels: of the interactive features (256 in the released models).
    dropout: before the linear head's last layer (0.5 in the released model).
    """

    size: str
    temporal: str
    frames: int
    head: Literal["text", "linear"]
    classes: int | None
    convolutions: Literal["k400", "ssv2"]
    channels: int
    dropout: float
    precision: Precision
    patch: int | None = None
    resolution: int | None = None
    shape: Geometry | None = None

    def geometry(self) -> Geometry:
        """The shapes of the towers, after overrides. Errors: ValueError."""
        if self.shape is None and self.size not in SIZES:
            raise ValueError(f"model.size is {self.size!r}: expected one of {', '.join(SIZES)}")
        changes = {"patch": self.patch, "resolution": self.resolution}
        return dataclasses.replace(
            self.shape or SIZES[self.size], **{k: v for k, v in changes.items() if v is not None}
        )


@dataclass(frozen=True, kw_only=True)
class InitialConfig:
    """What a run starts from when its folder holds no checkpoint yet; see `train/start.py`.

    resume: folder of a run to go on from. pretrained: folder of weights. scratch: noise will do.
    """

    pretrained: str | None
    scratch: bool
    resume: str | None = None


@dataclass(frozen=True, kw_only=True)
class MotionPairsConfig:
    """The quickstart data, made at the paths of DataConfig when missing (training.md, last)."""

    train_clips: int
    validation_clips: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the videos are and how frames are taken from them (data.md).

    train, validation: annotation lists, `path label` a line. root: folder of relative paths.
    class_names: file with a name a line. sampling: `segments` takes one random frame of each of T
    equal segments; `interval` the same fixed intervals in every epoch.
    threads, processes: of the loader, per host; the batches do not depend on them.
    max_bad_fraction: a run stops when more of its videos than this cannot be read.
    """

    train: str
    validation: str
    class_names: str
    root: str
    sampling: Literal["segments", "interval"]
    on_bad_video: Literal["replace", "fail"]
    max_bad_fraction: float
    threads: int
    processes: int
    motion_pairs: MotionPairsConfig | None = None


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """Training augmentation (training.md). Probabilities, and strengths as PyTorch counts them.

    scales: of MultiScaleCrop. flip: label-aware. mixup, cutmix: parameter of the Beta, 0 is off.
    """

    scales: tuple[float, ...]
    flip: float
    jitter: float
    brightness: float
    contrast: float
    saturation: float
    hue: float
    grayscale: float
    mixup: float
    cutmix: float
    label_smoothing: float


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW, its schedule, and the table of parameter groups in `train/optim.py` by name.

    clip_norm: of the global gradient norm; 0 is off.
    """

    groups: str
    rate: float
    minimal_rate: float
    warmup_epochs: float
    weight_decay: float
    betas: tuple[float, float]
    eps: float
    clip_norm: float


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Length, batch and rhythm of a run; all `every` in steps.

    batch: global. max_skipped: steps in a row whose loss is not finite before the run stops.
    """

    steps: int
    batch: int
    seed: int
    alignment_weight: float
    alignment_noise: float
    log_every: int
    checkpoint_every: int
    evaluate_every: int
    keep_best: int
    max_skipped: int


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Validation during training. time_order: also score reversed and shuffled clips at the end."""

    batch: int
    time_order: bool


@dataclass(frozen=True, kw_only=True)
class Config:
    """A whole run."""

    model: ModelConfig
    initial: InitialConfig
    data: DataConfig
    augment: AugmentConfig
    optimizer: OptimizerConfig
    train: TrainConfig
    evaluation: EvaluationConfig


def from_config(config: Mapping[str, Any]) -> Config:
    """Builds and checks a run from the mapping that a config file returns.

    Errors: ValueError that lists every unknown, missing, mistyped or impossible value at once.
    """
    problems: list[str] = []
    sections = _values(Config, config, "", problems)
    problems += _impossible(sections)
    if problems:
        raise ValueError("the configuration cannot be used:\n  " + "\n  ".join(problems))
    return Config(**sections)


def to_dict(config: Config | ModelConfig) -> dict[str, Any]:
    """The plain nested dict of a config, as JSON holds it; `from_config` takes a run's back."""
    return dataclasses.asdict(config)


def model_from_dict(values: Mapping[str, Any]) -> ModelConfig:
    """The way back for a model alone. Errors: ValueError listing what does not fit."""
    problems: list[str] = []
    built = _build(ModelConfig, values, "", problems)
    if problems:
        raise ValueError("no model configuration:\n  " + "\n  ".join(problems))
    return built


def differences(one: Config | ModelConfig, other: Config | ModelConfig) -> list[str]:
    """The keys whose values differ, as `key: value of one, value of other`."""
    left, right = _flat(to_dict(one)), _flat(to_dict(other))
    return [
        f"{key}: {left.get(key)!r}, {right.get(key)!r}"
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out


def _build(cls: Any, values: Mapping[str, Any], prefix: str, problems: list[str]) -> Any:
    """One dataclass, or None when a value of it does not fit."""
    before = len(problems)
    out = _values(cls, values, prefix, problems)
    if len(problems) > before:
        return None
    try:
        return cls(**out)
    except ValueError as error:  # of the class's own checks
        problems.append(f"{prefix.rstrip('.')}: {error}")
        return None


def _values(
    cls: Any, values: Mapping[str, Any], prefix: str, problems: list[str]
) -> dict[str, Any]:
    """The arguments for a dataclass, None where one does not fit."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known: {', '.join(fields)}"
            problems.append(f"{prefix}{key}: no such key, {hint}")
    out = {}
    for name, field in fields.items():
        if name in values:
            out[name] = _value(hints[name], values[name], prefix + name, problems)
        elif field.default is dataclasses.MISSING:
            problems.append(f"{prefix}{name}: missing")
    return out


def _value(hint: Any, value: Any, key: str, problems: list[str]) -> Any:
    """One value, converted to what its annotation says; appends to `problems` if it cannot be."""
    origin = typing.get_origin(hint)
    if isinstance(hint, types.UnionType):  # X | None
        inner = next(a for a in typing.get_args(hint) if a is not type(None))
        return None if value is None else _value(inner, value, key, problems)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return _build(hint, value, key + ".", problems)
    if origin is Literal and value in typing.get_args(hint):
        return value
    if origin is tuple and _is_floats(hint, value):
        return tuple(float(v) for v in value)
    if hint is float and _is_number(value):
        return float(value)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    problems.append(f"{key}: expected {_words(hint)}, found {value!r}")
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_floats(hint: Any, value: Any) -> bool:
    """Whether a value is of `tuple[float, ...]`, or of as many floats as the annotation has."""
    inner = typing.get_args(hint)
    long_enough = isinstance(value, list | tuple) and (... in inner or len(value) == len(inner))
    return long_enough and all(map(_is_number, value))


def _words(hint: Any) -> str:
    """What an annotation asks for, for people."""
    if typing.get_origin(hint) is Literal:
        return ", ".join(map(repr, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)
        return "numbers in parentheses" if ... in inner else f"{len(inner)} numbers"
    return "a section of keys" if dataclasses.is_dataclass(hint) else hint.__name__


# Whether it is possible, the key, its value, and what is.
_Check = tuple[bool, str, Any, str]


def _impossible(sections: Mapping[str, Any]) -> list[str]:
    """Values that fit their types and still make no run, of the sections that could be built."""
    there = {name: section for name, section in sections.items() if section is not None}
    checks = [
        check
        for name, section in there.items()
        if name in _CHECKS
        for check in _CHECKS[name](section)
    ]
    if "evaluation" in there and "data" in there:
        data, evaluation = there["data"], there["evaluation"]
        checks.append(
            (data.motion_pairs is not None or not evaluation.time_order, "evaluation.time_order",
             evaluation.time_order, "False without data.motion_pairs: it scores reversed pairs")
        )  # fmt: skip
    return [
        f"{key}: expected {expected}, found {value!r}"
        for fine, key, value, expected in checks
        if not fine
    ] + (_no_geometry(there["model"]) if "model" in there else [])


def _no_geometry(model: ModelConfig) -> list[str]:
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
        (0 <= model.dropout < 1, "model.dropout", model.dropout, "a number in [0, 1)"),
        ((model.classes is None) == (model.head == "text"), "model.classes", model.classes,
         "a number with the linear head, None with the text head"),
        (model.classes is None or model.classes > 0, "model.classes", model.classes, "positive"),
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
        *((count > 0 and count % 8 == 0, f"data.motion_pairs.{name}", count,
           "a positive multiple of 8, the number of classes") for name, count in counts.items()),
    ]  # fmt: skip


def _augment(augment: AugmentConfig) -> list[_Check]:
    probabilities = ("flip", "jitter", "grayscale")
    strengths = ("brightness", "contrast", "saturation", "mixup", "cutmix")
    found = dataclasses.asdict(augment)
    return [
        (bool(augment.scales) and all(0 < s <= 1 for s in augment.scales), "augment.scales",
         augment.scales, "one or more numbers above 0, up to 1"),
        *((0 <= found[name] <= 1, f"augment.{name}", found[name], "a probability")
          for name in probabilities),
        *((0 <= found[name] < math.inf, f"augment.{name}", found[name], "0 (off) or more")
          for name in strengths),
        (0 <= augment.hue <= 0.5, "augment.hue", augment.hue,
         "a number in [0, 0.5]: half a turn of the colour circle reaches every hue"),
        (0 <= augment.label_smoothing < 1, "augment.label_smoothing", augment.label_smoothing,
         "a number in [0, 1)"),
    ]  # fmt: skip


def _optimizer(optimizer: OptimizerConfig) -> list[_Check]:
    found = dataclasses.asdict(optimizer)
    return [
        (0 <= optimizer.rate < math.inf, "optimizer.rate", optimizer.rate, "0 or more"),
        (0 <= optimizer.minimal_rate <= optimizer.rate, "optimizer.minimal_rate",
         optimizer.minimal_rate, f"a number between 0 and the rate {optimizer.rate}"),
        (all(0 <= beta < 1 for beta in optimizer.betas), "optimizer.betas", optimizer.betas,
         "two numbers in [0, 1)"),
        (0 < optimizer.eps < math.inf, "optimizer.eps", optimizer.eps, "positive"),
        *((0 <= found[name] < math.inf, f"optimizer.{name}", found[name], "0 (off) or more")
          for name in ("warmup_epochs", "weight_decay", "clip_norm")),
    ]  # fmt: skip


def _train(train: TrainConfig) -> list[_Check]:
    found = dataclasses.asdict(train)
    rhythm = ("log_every", "checkpoint_every", "evaluate_every")
    return [
        (train.steps > 0, "train.steps", train.steps, "positive"),
        (train.batch > 0 and train.batch % 2 == 0, "train.batch", train.batch,
         "a positive even number: clip i is mixed with clip i xor 1"),
        *((found[name] > 0, f"train.{name}", found[name], "positive") for name in rhythm),
        *((0 <= found[name] < math.inf, f"train.{name}", found[name], "0 (off) or more")
          for name in ("alignment_weight", "alignment_noise")),
    ]  # fmt: skip


def _evaluation(evaluation: EvaluationConfig) -> list[_Check]:
    return [(evaluation.batch > 0, "evaluation.batch", evaluation.batch, "positive")]


_CHECKS: dict[str, Callable[[Any], list[_Check]]] = {
    "model": _model,
    "data": _data,
    "augment": _augment,
    "optimizer": _optimizer,
    "train": _train,
    "evaluation": _evaluation,
}
