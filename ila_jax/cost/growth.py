"""How time and memory grow with frames or resolution, of each method and of alignments alone."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ila_jax.config import ModelConfig
from ila_jax.cost import formulas
from ila_jax.cost.countings import METHODS, Setting
from ila_jax.cost.measure import machine, measure, random_weights, timed
from ila_jax.cost.traced import clip_shape
from ila_jax.models import model
from ila_jax.models.temporal.matching import (
    composed,
    matched,
    matched_on_device,
    similarities,
)
from ila_jax.shapes import Tokens

# Small, for the size that is: four points from a few hundred tokens to a few thousand.
DEFAULT_VALUES = {"frames": (2, 4, 8, 16), "resolution": (16, 32, 48, 64)}


class Effort(NamedTuple):
    """What a computation takes at one value of the axis.

    seconds: of the fastest call, which other work on the machine disturbs least. bytes: of outputs
    and intermediates, None where nothing tells. formula: operations.
    """

    seconds: float
    bytes: int | None
    formula: int


@dataclass(frozen=True)
class Line:
    """One method, or one alignment, at every value of the axis.

    key: in JSON. title: in tables. alone: an alignment without its model. seconds, bytes, formula:
    those of `Effort`, one for each value.
    """

    key: str
    title: str
    alone: bool
    seconds: tuple[float, ...]
    bytes: tuple[int | None, ...]
    formula: tuple[int, ...]

    @staticmethod
    def exponent(values: Sequence[int], measured: Sequence[float | None]) -> float | None:
        """a of value^a, least squares on logarithms; None without two positive numbers."""
        if len(values) < 2 or not all(measured):
            return None
        return float(np.polyfit(np.log(values), np.log(np.array(measured, float)), 1)[0])


@dataclass(frozen=True)
class Growth:
    """All lines of a sweep. axis: one of `countings.AXES`, which took the values."""

    size: str
    axis: str
    values: tuple[int, ...]
    lines: tuple[Line, ...]


def sweep(
    setting: Setting,
    axis: str,
    values: Sequence[int],
    methods: Sequence[str],
    *,
    repeats: int,
    step: Callable[[str], None],
) -> Growth:
    """Measures every line at every value. step: called with a line's name when it is measured.

    Errors: ValueError for a value that makes no model, before anything is measured.
    """
    settings = [_at(setting, axis, value) for value in values]
    # All configurations first: a sweep takes minutes, and a bad last value would waste them.
    for changed in settings:
        for key in methods:
            changed.config(METHODS[key])
    lines = []
    for key, title, alone, measurement in _measurements(methods):
        efforts = []
        for changed in settings:
            efforts.append(measurement(changed, repeats))
            step(title)
        lines.append(Line(key, title, alone, *zip(*efforts, strict=True)))
    return Growth(setting.size, axis, tuple(values), tuple(lines))


def _at(setting: Setting, axis: str, value: int) -> Setting:
    """The setting with one value of the axis."""
    if axis == "frames":
        return dataclasses.replace(setting, frames=value)
    return dataclasses.replace(setting, resolution=value)


def steps(methods: Sequence[str], values: Sequence[int]) -> int:
    """How often `sweep` calls `step`."""
    return len(list(_measurements(methods))) * len(values)


# Of a setting and a number of repeated calls.
Measurer = Callable[[Setting, int], Effort]


def _measurements(methods: Sequence[str]) -> Iterator[tuple[str, str, bool, Measurer]]:
    """Key, title, whether it is an alignment alone, and how it is measured, of every line."""
    for key in methods:
        yield key, METHODS[key].title, False, _tower(key)
    yield "ata_serial_host", "ATA's matching, frame by frame, scipy", True, _serial_on_host
    yield "ata_batched_host", "ATA's matching, in one batch, scipy", True, _batched(matched)
    yield "ata_serial", "ATA's matching, frame by frame, device", True, _serial
    yield "ata_batched", "ATA's matching, in one batch, device", True, _batched(matched_on_device)
    yield "ila_alignment", "ILA's alignment", True, _ila_alignment


def _tower(key: str) -> Measurer:
    """The whole image tower of a method."""

    def measurement(setting: Setting, repeats: int) -> Effort:
        config = _headless(setting.config(METHODS[key]))
        variables = random_weights(config)
        video = _random(clip_shape(config).shape)

        def run(variables: Any, video: Any) -> Any:
            return model.bind(config, variables).visual(video).class_tokens

        measured = measure(run, variables, video, repeats=repeats)
        macs = sum(step.total for step in formulas.tower(config).values())
        return Effort(measured.fastest, measured.working_bytes, macs)

    return measurement


def _headless(config: ModelConfig) -> ModelConfig:
    """With the head that is made fastest: only towers are measured here."""
    return dataclasses.replace(config, head="linear", classes=1)


def _serial_on_host(setting: Setting, repeats: int) -> Effort:
    """ATA's matching as its authors have it, without jax: nothing tells its memory."""
    patches = np.asarray(_patches(setting))
    seconds = timed(serial_matching, patches, repeats=repeats)
    return Effort(min(seconds), None, _steps(patches.shape))


def serial_matching(patches: np.ndarray) -> np.ndarray:
    """π of one clip as ATA describes it: each frame is matched with the aligned one before it.

    patches: [1, t, p, d]. Returns int [1, t, p], the same as `models.temporal.matching.composed`.
    """
    from scipy.optimize import linear_sum_assignment

    unit = patches[0] / np.linalg.norm(patches[0], axis=-1, keepdims=True)
    pi = [np.arange(unit.shape[1])]
    aligned = unit[0]
    for frame in unit[1:]:
        # Against the frame before as it is aligned already, so that columns are π itself.
        _, columns = linear_sum_assignment(aligned @ frame.T, maximize=True)
        pi.append(columns)
        aligned = frame[columns]
    return np.stack(pi)[None]


def _serial(setting: Setting, repeats: int) -> Effort:
    """The pairs of frames one after the other, in a compiled loop."""

    def run(z: jax.Array) -> jax.Array:
        pairs = similarities(z).swapaxes(0, 1)[:, :, None]
        # A loop, so that pairs are solved one after the other: that is what is measured here.
        sigma = jax.lax.map(matched_on_device, pairs)
        return composed(sigma[:, :, 0].swapaxes(0, 1))

    return _matching(run, setting, repeats)


def _batched(solve: Callable[[jax.Array], jax.Array]) -> Measurer:
    """All pairs of frames at once, by a solver."""

    def measurement(setting: Setting, repeats: int) -> Effort:
        return _matching(lambda z: composed(solve(similarities(z))), setting, repeats)

    return measurement


def _matching(run: Callable[[jax.Array], jax.Array], setting: Setting, repeats: int) -> Effort:
    """A matching of one clip's random patches."""
    patches = _patches(setting)
    measured = measure(run, patches, repeats=repeats)
    return Effort(measured.fastest, measured.working_bytes, _steps(patches.shape))


def _ila_alignment(setting: Setting, repeats: int) -> Effort:
    """Tokens to messages, points and masks, as a block has them before it uses them."""
    config = _headless(setting.config(METHODS["ila"]))
    shape, steps_of_tower = config.geometry(), formulas.tower(config)
    variables = random_weights(config)
    tokens = _random((1, config.frames, shape.grid**2 + 1, shape.width))

    def run(variables: Any, x: Tokens) -> Any:
        block: Any = model.bind(config, variables).visual.blocks[0]
        alignment = block.alignment(x)
        return alignment.previous, alignment.current

    measured = measure(run, variables, tokens, repeats=repeats)
    # W_m is one of three layers on the tokens; the two skip layers come after the alignment.
    macs = steps_of_tower["layers on the tokens"].total // 3
    macs += steps_of_tower["convolutions and points"].total
    return Effort(measured.fastest, measured.working_bytes, macs // shape.depth)


def _patches(setting: Setting) -> Float[jax.Array, "1 t p d"]:
    """Random patch tokens of one clip, as a block of ATA takes them."""
    config: ModelConfig = setting.config(METHODS["ata"])
    shape = config.geometry()
    return _random((1, config.frames, shape.grid**2, shape.width))


def _steps(shape: tuple[int, ...]) -> int:
    """Kuhn–Munkres' steps: P³ for each pair of frames. shape: of patches [1, t, p, d]."""
    return (shape[1] - 1) * shape[2] ** 3


def _random(shape: tuple[int, ...]) -> jax.Array:
    """The same numbers at every call, so that methods are measured on the same input."""
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape), jnp.float32)


def as_json(growth: Growth) -> dict[str, Any]:
    """Plain values under the keys of docs/explanation/complexity.md."""
    return {
        "size": growth.size,
        "axis": growth.axis,
        "values": list(growth.values),
        "machine": machine(),
        "lines": [
            dataclasses.asdict(line)
            | {
                "time_exponent": line.exponent(growth.values, line.seconds),
                "memory_exponent": line.exponent(growth.values, line.bytes),
                "formula_exponent": line.exponent(growth.values, line.formula),
            }
            for line in growth.lines
        ],
    }
