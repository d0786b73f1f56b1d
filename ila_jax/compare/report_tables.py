"""The tables of a comparison, with an interval at every mean."""

import math
from collections.abc import Iterator, Sequence

from ila_jax.compare.comparison import MethodRuns
from ila_jax.compare.estimates import (
    Estimate,
    correlation,
    differences,
    estimate,
    estimate_of_scenes,
    holm,
    ratio,
)
from ila_jax.compare.methods import REFERENCE
from ila_jax.compare.runs import Setting
from ila_jax.pictures.model_alignment import DISTANCES, MEASURES
from ila_jax.pictures.replaced_masks import REPLACEMENTS
from ila_jax.tables import Table

# Below it a difference is called one.
_SURE = 0.05
_INTERVAL = (
    "±: half of the 95 % interval, over seeds and over scenes (a clip and its reversal); with one "
    "seed, over scenes alone. (s): so many seeds, where not all of them are there."
)


def accuracies(rows: Sequence[MethodRuns]) -> Table:
    """The accuracies of every method beside its costs, and what it lacks against ILA."""
    header = [
        "layout", "budget", "method", "positions", "top-1 %", "each seed", "against ILA",
        "is it less", "backwards → partner %", "shuffled %", "steps", "MMACs", "TMACs of training",
        "clips/s",
    ]  # fmt: skip
    most = max(len(row.runs) for row in rows)
    against = _against_reference(rows)
    cells = [
        [
            *row.setting, row.title + _seeds(row, most), "yes" if row.positions else "no",
            _percent(estimate(row.by_clip(lambda c: c.right))),
            ", ".join(f"{100 * share:.1f}" for share in row.of("forward")),
            *against.get(id(row), ("", "")),
            _percent(ratio(row.by_clip(lambda c: c.right & c.to_partner),
                           row.by_clip(lambda c: c.right))),
            _percent(estimate(row.by_clip(lambda c: c.shuffled == c.label))),
            f"{row.steps:,}", f"{row.macs / 1e6:.1f}", f"{_trained(row):.1f}",
            "–" if row.clips_per_second is None else f"{row.clips_per_second:.0f}",
        ]
        for row in rows
    ]  # fmt: skip
    notes = [
        _INTERVAL,
        "each seed: top-1 of each, in %, which the mean hides.",
        "against ILA: in points, clip by clip and seed by seed; p by a t-test over both, corrected "
        "by Holm for all methods of the layout and budget. Above 0.05 the two are not told apart.",
        "positions: whether multi-frame integration adds an embedding of each frame's place.",
        "backwards → partner: of the clips that were right, the share that is named as the "
        "reversed class when played backwards.",
        "MMACs: of one clip with the linear head, forwards. TMACs of training: of all its clips. "
        "clips/s: in training, by one of the processes that trained at once.",
    ]
    title = "Motion pairs: 8 classes, chance 12.5 %, looks alone 50 %"
    return Table(title, header, cells, notes)


def alignment(rows: Sequence[MethodRuns]) -> Table:
    """What each block of every method aligns, against what says nothing, and the best."""
    header = [
        "layout", "budget", "method", "measure", "block", "on what moves", "fixed", "random",
        "on what does not", "best", "than random", "than fixed", "with being right",
    ]  # fmt: skip
    keyed = [(row, key) for row in rows if row.positions for key in sorted(row.runs[0].measures)]
    than = [_tests(row, key) for row, key in keyed]
    # One family: whoever looks through the table sees all of them.
    random, fixed = (holm([pair[k].p for pair in than]) for k in (0, 1))
    cells = [
        [
            *row.setting, row.title, key[0], str(key[1]),
            *(_percent(estimate(row.measured(key, name)))
              for name in ("mover", "fixed", "random", "distractor", "best")),
            _verdict(pair[0], p_random), _verdict(pair[1], p_fixed),
            _correlation(correlation(_better(key[0]) * row.measured(key, "mover"),
                                     row.by_clip(lambda c: c.right))),
        ]
        for (row, key), pair, p_random, p_fixed in zip(keyed, than, random, fixed, strict=True)
    ]  # fmt: skip
    notes = [
        *(f"{name}: {what}, in percent." for name, what in MEASURES.items()),
        "fixed: of masks and points in the middle of the frame; over time and matching, of the "
        "same place in other frames; of the class token, of the mean over all clips.",
        "random: against the object that moves in other clips. on what does not: against the "
        "objects of the clip that stand still or shake. best: what the model could reach.",
        "than random, than fixed: how much better, in points, and whether that can be chance "
        "(corrected by Holm for all rows). with being right: the correlation over clips.",
        _INTERVAL,
    ]
    return Table("What is aligned with what moves", header, cells, notes)


def replaced_masks(rows: Sequence[MethodRuns]) -> Table:
    """Whether masks that do not follow the clip make a model less right."""
    header = ["layout", "budget", "method", "positions", "top-1 %"]
    with_masks = [row for row in rows if row.runs[0].replaced]
    right = [row.by_clip(lambda clips: clips.right) for row in with_masks]
    lost = [
        [estimate(row.right_with(name) - own) for name in REPLACEMENTS]
        for row, own in zip(with_masks, right, strict=True)
    ]
    # One family, as above.
    corrected = iter(holm([difference.p for of_row in lost for difference in of_row]))
    cells = [
        [
            *row.setting, row.title, "yes" if row.positions else "no", _percent(estimate(own)),
            *(_verdict(difference, next(corrected)) for difference in of_row),
        ]
        for row, own, of_row in zip(with_masks, right, lost, strict=True)
    ]  # fmt: skip
    notes = [
        *(f"{name}: {what}." for name, what in REPLACEMENTS.items()),
        "In points, of the trained model, clip by clip and seed by seed; corrected by Holm for all "
        "of this table. Above 0.05 the two are not told apart.",
        _INTERVAL,
    ]
    return Table("Top-1 with other masks", [*header, *REPLACEMENTS], cells, notes)


def classes(rows: Sequence[MethodRuns]) -> Table:
    """The accuracy of every class."""
    cells = [
        [
            *row.setting,
            row.title,
            "yes" if row.positions else "no",
            *(_percent(estimate_of_scenes(right)) for right in row.right_by_class().values()),
        ]
        for row in rows
    ]
    # All runs have the classes of the motion pairs.
    header = ["layout", "budget", "method", "positions", *rows[0].right_by_class()]
    notes = [
        "±: half of the 95 % interval, over seeds and over the clips of the class, no two of which "
        "are one scene; with one seed, over clips alone."
    ]
    return Table("Top-1 of each class, %", header, cells, notes)


def against_reference(
    rows: Sequence[MethodRuns], setting: Setting
) -> dict[str, tuple[Estimate, float]]:
    """Each method with positions less ILA in a setting, and its corrected p; empty without ILA.

    By arithmetic ILA's run is that by steps, and so is that of a method with about as many.
    """
    right = {row.method: row.by_clip(lambda c: c.right) for row in _of(rows, setting)}
    return differences(right, REFERENCE) if REFERENCE in right else {}


def _of(rows: Sequence[MethodRuns], setting: Setting) -> Iterator[MethodRuns]:
    """The rows of a setting with positions, and those by steps that stand for them."""
    own = [row for row in rows if row.positions and row.setting == setting]
    yield from own
    if setting.budget == "arithmetic":
        trained = {row.method for row in own}
        by_steps = Setting(setting.layout, "steps")
        reference = (row for row in rows if row.positions and row.setting == by_steps)
        yield from (r for r in reference if r.method == REFERENCE and r.method not in trained)


def _against_reference(rows: Sequence[MethodRuns]) -> dict[int, tuple[str, str]]:
    """The two cells of each row that has ILA to be held against."""
    cells = {}
    for setting in dict.fromkeys(row.setting for row in rows):
        against = against_reference(rows, setting)
        for row in rows:
            if row.setting == setting and row.positions and row.method in against:
                difference, p = against[row.method]
                points = f"{100 * difference.value:+.1f} ± {100 * difference.margin:.1f}"
                cells[id(row)] = (points, _words(difference.value, p))
    return cells


def _tests(row: MethodRuns, key: tuple[str, int]) -> tuple[Estimate, Estimate]:
    """How much better a measure is than at random, and than fixed."""
    own = row.measured(key, "mover")
    better = [_better(key[0]) * (own - row.measured(key, name)) for name in ("random", "fixed")]
    random, fixed = (estimate(values) for values in better)
    return random, fixed


def _better(measure: str) -> int:
    """The sign by which more is better."""
    return -1 if measure in DISTANCES else 1


def _trained(row: MethodRuns) -> float:
    """Multiply-accumulates of all forward and backward passes, in 10¹²: thrice those forwards."""
    return 3 * row.macs * row.steps * row.runs[0].outcome.batch / 1e12


def _seeds(row: MethodRuns, most: int) -> str:
    return "" if len(row.runs) == most else f" ({len(row.runs)})"


def _percent(found: Estimate) -> str:
    if math.isnan(found.value):
        return "–"
    return f"{100 * found.value:.1f} ± {100 * found.margin:.1f}"


def _verdict(found: Estimate, p: float) -> str:
    if math.isnan(found.value):
        return "–"
    return f"{100 * found.value:+.1f} ± {100 * found.margin:.1f}, {_words(found.value, p)}"


def _correlation(found: Estimate) -> str:
    return "–" if math.isnan(found.value) else f"{found.value:+.2f} ± {found.margin:.2f}"


def _words(value: float, p: float) -> str:
    """Whether a difference is one, with its corrected p."""
    if not p < _SURE:
        return f"not told apart (p {p:.2f})"
    size = "more" if value > 0 else "less"
    return f"{size} (p < 0.001)" if p < 0.001 else f"{size} (p {p:.3f})"
