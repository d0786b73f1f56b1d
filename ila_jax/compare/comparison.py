"""What runs of several temporal models on motion pairs come to, side by side."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ila_jax.compare.alignment_of_runs import Measures
from ila_jax.compare.methods import COMPARED
from ila_jax.compare.runs import Setting
from ila_jax.config import ModelConfig
from ila_jax.cost import traced
from ila_jax.cost.countings import by_formula
from ila_jax.files.arrays import publish_arrays, read_arrays
from ila_jax.files.publish import publish_text
from ila_jax.scoring.time_order import Answers, TimeOrder


@dataclass(frozen=True)
class Outcome:
    """What one finished run has come to.

    positions: whether multi-frame integration knows the frames' order. order: accuracies on clips
    forwards, backwards and shuffled. clips_per_second: of training, the median over the run; None
    for a run that is too short to tell. layout, budget: its `Setting`. steps: of training, of
    `batch` clips each.
    """

    method: str
    positions: bool
    seed: int
    order: TimeOrder
    clips_per_second: float | None
    layout: str = "middle"
    budget: str = "steps"
    steps: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Finished:
    """A run that is done.

    clips: what its model says of each clip. measures: what it aligns. replaced: the class that it
    names of each clip, int [v], by a key of REPLACEMENTS; empty for a model without masks.
    """

    outcome: Outcome
    clips: Answers
    measures: Measures
    replaced: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class MethodRuns:
    """A method's runs over all seeds, at least one, in one setting, and what the method costs.

    new_parameters: those that CLIP does not have. macs: multiply-accumulates of a clip, with the
    linear head.
    """

    method: str
    positions: bool
    setting: Setting
    runs: Sequence[Finished]
    new_parameters: int
    macs: int

    @property
    def title(self) -> str:
        """The method as tables name it."""
        return COMPARED[self.method].title

    @property
    def steps(self) -> int:
        """Of training, the same in all seeds."""
        return self.runs[0].outcome.steps

    def of(self, measure: str) -> list[float]:
        """The accuracy of every seed, a share. measure: `forward`, `to_partner` or `shuffled`."""
        return [getattr(run.outcome.order, measure) for run in self.runs]

    def by_clip(self, of_clips: Callable[[Answers], np.ndarray]) -> np.ndarray:
        """What is asked of every clip in every seed, float [s, v]."""
        return self._by_seed(lambda run: of_clips(run.clips))

    def measured(self, key: tuple[str, int], name: str) -> np.ndarray:
        """A measure of alignment of every clip in every seed, float [s, v]. name: of `Measured`."""
        return self._by_seed(lambda run: getattr(run.measures[key], name))

    def right_with(self, replacement: str) -> np.ndarray:
        """Whether every clip is named rightly in every seed with masks replaced, float [s, v]."""
        return self._by_seed(lambda run: run.replaced[replacement] == run.clips.label)

    def right_by_class(self) -> dict[str, np.ndarray]:
        """Whether the clips of each class are named rightly in every seed, float [s, n], by name.

        No two clips of a class are one scene: a clip's reversal is of another class.
        """
        clips = self.runs[0].clips  # the same in all seeds, but for what is said of them
        right = self.by_clip(lambda clips: clips.right)
        return {name: right[:, clips.label == k] for k, name in enumerate(clips.class_names)}

    @property
    def clips_per_second(self) -> float | None:
        """The median over seeds; None where all runs were too short to tell."""
        speeds = [run.outcome.clips_per_second for run in self.runs]
        known = [speed for speed in speeds if speed is not None]
        return statistics.median(known) if known else None

    def _by_seed(self, of_run: Callable[[Finished], np.ndarray]) -> np.ndarray:
        return np.stack([of_run(run) for run in self.runs]).astype(np.float64)


def write(outcome: Outcome, path: Path) -> None:
    """Writes an outcome, whole or not at all: that the file is there says that the run is done."""
    publish_text(path, json.dumps(asdict(outcome), indent=2) + "\n")


def read(path: Path) -> Outcome:
    """Reads what `write` wrote."""
    # `asdict` has made a dict of the inner dataclass as well.
    values = json.loads(path.read_text())
    return Outcome(**values | {"order": TimeOrder(**values["order"])})


def write_clips(answers: Answers, path: Path) -> None:
    """Writes what a model says of each clip, whole or not at all."""
    publish_arrays(path, asdict(answers))


def read_clips(path: Path) -> Answers:
    """Reads what `write_clips` wrote."""
    arrays: dict[str, Any] = read_arrays(path)
    return Answers(**arrays | {"class_names": tuple(arrays["class_names"].tolist())})


def training_speed(metrics: Path) -> float | None:
    """Clips a second of training, the median over the log lines of a run; None without any.

    The median, since other work of the machine slows some of the lines down.
    """
    lines = [json.loads(line) for line in metrics.read_text("utf-8").strip().split("\n")]
    speeds = [line[key] for line in lines if (key := "time/clips_per_second") in line]
    return statistics.median(speeds) if speeds else None


def rows(finished: Sequence[Finished], model: ModelConfig) -> list[MethodRuns]:
    """Methods in the order of the table, each with positions before without, by setting.

    model: of any of the runs, with the linear head; they differ in their temporal model alone.
    """
    assert model.classes is not None, "motion pairs have the linear head"
    by_key: dict[tuple[Setting, str, bool], list[Finished]] = {}
    for run in finished:
        o = run.outcome
        by_key.setdefault((Setting(o.layout, o.budget), o.method, o.positions), []).append(run)
    settings = list(dict.fromkeys(setting for setting, _, _ in by_key))
    order = [
        (setting, key, positions)
        for setting in settings
        for key in COMPARED
        for positions in (True, False)
    ]
    return [_row(*key, by_key[key], model) for key in order if key in by_key]


def _row(
    setting: Setting, key: str, positions: bool, runs: Sequence[Finished], model: ModelConfig
) -> MethodRuns:
    method = COMPARED[key]
    # With and without positions a method costs the same here: their embedding is t × e parameters
    # and one addition.
    config = replace(model, temporal=method.temporal, convolutions=method.convolutions)
    assert config.classes is not None
    macs = by_formula(config, config.classes)["linear_head"]
    return MethodRuns(key, positions, setting, runs, traced.parameters(config).new, macs)


def as_json(rows: Sequence[MethodRuns]) -> list[dict[str, Any]]:
    """The rows as `report.json` holds them, with every seed's outcome."""
    return [
        {
            "method": row.method,
            "title": row.title,
            "positions": row.positions,
            "layout": row.setting.layout,
            "budget": row.setting.budget,
            "outcomes": [asdict(run.outcome) for run in row.runs],
            "new_parameters": row.new_parameters,
            "macs": row.macs,
            "per_class": {
                name: float(right.mean()) if right.size else None
                for name, right in row.right_by_class().items()
            },
            "replaced_masks": {
                name: row.right_with(name).mean(axis=1).tolist() for name in row.runs[0].replaced
            },
        }
        for row in rows
    ]
