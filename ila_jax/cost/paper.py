"""The supplement's Table 2, and whether its GFLOPs come out of any stated counting."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ila_jax.cost import formulas
from ila_jax.cost.countings import METHODS, Setting


class Published(NamedTuple):
    """A row of the paper's table. gflops: as printed, in whole numbers. top1: in percent."""

    gflops: float
    top1: float


_ILA = Published(40, 81.3)
# On Kinetics-400, by the keys of METHODS. The supplement has one row for ILA, which may be either
# the released form or the text's token, and none of the SSv2 form on Kinetics.
TABLE_2 = {
    "spatial": Published(37, 79.8),
    "joint": Published(71, 80.4),
    "divided": Published(58, 80.6),
    "ata": Published(60, 81.0),
    "xclip": Published(39, 80.4),
    "ila": _ILA,
    "ila_token": _ILA,
}
_WITHIN = 0.5  # G: half of the last printed digit


class Verdict(NamedTuple):
    """Whether the paper's figure comes out of any counting, to half of its last printed digit.

    counting: the key of COUNTINGS that comes nearest. gmacs: ours by it. why: a sentence.
    """

    reproduced: bool
    counting: str
    gmacs: float
    why: str

    def __str__(self) -> str:
        return "reproduced" if self.reproduced else "not, by any counting"


def published(setting: Setting, key: str) -> Published | None:
    """The paper's row, where the setting is its own: B/32, 8 frames, 224 pixels, 400 classes."""
    is_the_papers = (setting.size, setting.frames, setting.classes) == ("B/32", 8, 400)
    return TABLE_2.get(key) if is_the_papers and setting.resolution in (None, 224) else None


def verdict(setting: Setting, key: str, macs: Mapping[str, int]) -> Verdict | None:
    """Compares a row's MACs, by every counting, with the paper's figure; None without one."""
    figures = published(setting, key)
    if figures is None:
        return None
    nearest = min(macs, key=lambda name: abs(macs[name] / 1e9 - figures.gflops))
    gmacs = macs[nearest] / 1e9
    return Verdict(abs(gmacs - figures.gflops) <= _WITHIN, nearest, gmacs, _why(setting, key))


def _gmacs_by_step(setting: Setting, key: str) -> dict[str, float]:
    """GMACs of a tower, step by step."""
    steps = formulas.tower(setting.config(METHODS[key]))
    return {name: step.total / 1e9 for name, step in steps.items()}


def _why(setting: Setting, key: str) -> str:
    """What stands behind a verdict, with the numbers of its formula."""
    own = _gmacs_by_step(setting, key)
    spatial = sum(_gmacs_by_step(setting, "spatial").values())
    added = sum(own.values()) - spatial
    # Functions, as each names steps that only its own model has.
    notes: dict[str, Callable[[], str]] = {
        "spatial": lambda: (
            "Only without the products of attention, and no counting gives both this figure and "
            "X-CLIP's."
        ),
        "joint": lambda: (
            f"One softmax over all tokens adds {added:.2f} G to the spatial tower's {spatial:.2f}: "
            "the linear layers, most of the cost, stay as they are."
        ),
        "divided": lambda: (
            f"Attention over time and its W_f add {added:.2f} G to the spatial tower; the paper's "
            "two figures are 21 G apart."
        ),
        "ata": lambda: (
            f"The similarities add {own['similarities to match']:.2f} G to divided attention and "
            "Kuhn–Munkres multiplies nothing; the paper's two figures are 2 G apart."
        ),
        "xclip": lambda: (
            "The same counting gives the figures that X-CLIP's authors publish: 39, 75, 145, 287."
        ),
        "ila": lambda: (
            f"Three linear layers on every token take {own['layers on the tokens']:.2f} G and the "
            f"convolutions {own['convolutions and points']:.2f} G; the paper's figure leaves 3 G "
            "above its spatial one."
        ),
        "ila_token": lambda: (
            f"The tower alone comes to {sum(own.values()):.2f} G, which is 41 and not 40; without "
            "the linear layers on every token of the released form it is the nearest to the paper."
        ),
    }
    return notes[key]()
