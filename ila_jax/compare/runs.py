"""The runs of a comparison: one model to train each, by what they differ in, and their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ila_jax.compare.methods import CHANGED, COMPARED, REFERENCE
from ila_jax.config import Config, Override, from_config, read_config
from ila_jax.cost.countings import by_formula

LAYOUTS = ("middle", "scattered")
BUDGETS = ("steps", "arithmetic")
# By positions of multi-frame integration, by the names of --positions.
POSITIONS = {"with": True, "without": False}
# Budgets that are nearer to each other than this are one, and so is the run.
_ALIKE = 0.1


class Setting(NamedTuple):
    """What a method is trained on, and for how long."""

    layout: str = "middle"
    budget: str = "steps"


@dataclass(frozen=True)
class TrainingRun:
    """One model to train, and the folder that its run is in."""

    method: str
    positions: bool
    setting: Setting
    seed: int
    config: Config
    workdir: Path

    def __str__(self) -> str:
        positions = "" if self.positions else ", without positions"
        layout, budget = self.setting
        return f"{COMPARED[self.method].title}{positions}, {layout}, by {budget}, seed {self.seed}"

    @property
    def result(self) -> Path:
        """The file that says, by being there, that this run is trained and scored."""
        return self.workdir / "result.json"

    @property
    def clips(self) -> Path:
        """The file of what the model says of each clip."""
        return self.workdir / "clips.npz"

    @property
    def measures(self) -> Path:
        """The file of what the model aligns in each clip."""
        return self.workdir / "alignment.npz"

    @property
    def replaced_masks(self) -> Path:
        """The file of what the model says with other masks; empty for one that has none."""
        return self.workdir / "replaced_masks.npz"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do: trained, scored and measured."""
        files = (self.result, self.clips, self.measures, self.replaced_masks)
        return all(path.exists() for path in files)


@dataclass(frozen=True)
class Plan:
    """What is asked for: every method, with and without positions, in every setting and seed.

    file: of the configuration, called as FILE:METHOD. overrides: of all runs.
    """

    methods: Sequence[str]
    positions: Sequence[bool]
    settings: Sequence[Setting]
    seeds: int
    file: str
    overrides: Sequence[Override]
    workdir: Path

    def runs(self) -> list[TrainingRun]:
        """All runs, in the order in which they are trained. Errors: ValueError."""
        # Seeds are the outer loop: stopped early, all methods have the same number of seeds.
        return [
            self._run(method, positions, setting, seed)
            for seed in range(self.seeds)
            for setting in self.settings
            for method in self.methods
            for positions in self.positions
            if self._is_wanted(method, positions, setting)
        ]

    def _is_wanted(self, method: str, positions: bool, setting: Setting) -> bool:
        """Whether a run says something that no other does."""
        # What makes it align is asked where the middle does not say where the object is.
        if method in CHANGED:
            asked = {s.layout for s in self.settings}
            return (
                positions
                and setting.budget == "steps"
                and (setting.layout == "scattered" or "scattered" not in asked)
            )
        if setting.budget == "steps":
            return True
        steps = self._config(method, positions, setting, 0).train.steps
        given = self._config(method, positions, Setting(setting.layout, "steps"), 0).train.steps
        return abs(steps / given - 1) > _ALIKE

    def _run(self, method: str, positions: bool, setting: Setting, seed: int) -> TrainingRun:
        name = method if positions else f"{method}_no_positions"
        # The first setting's runs have no folder of their own: there was none before the others.
        folder = "" if setting == Setting() else f"{setting.layout}_{setting.budget}"
        workdir = self.workdir / folder / name / f"seed{seed}"
        config = self._config(method, positions, setting, seed)
        return TrainingRun(method, positions, setting, seed, config, workdir)

    def _config(self, method: str, positions: bool, setting: Setting, seed: int) -> Config:
        """The configuration of one run. Errors: ValueError."""
        # Last, so that they win: an override of the seed would make all seeds the same run.
        own: list[Override] = [("model.mit_positions", positions), ("train.seed", seed)]
        config = self._read(method, own)
        if setting.layout != "middle":
            own += _elsewhere(config, setting.layout)
        if setting.budget == "arithmetic":
            own += _of_steps(config, self._arithmetic(config) / _macs(config))
        return self._read(method, own)

    def _read(self, method: str, own: Sequence[Override]) -> Config:
        config = from_config(read_config(f"{self.file}:{method}", [*self.overrides, *own]))
        if config.data.motion_pairs is None:
            raise ValueError(
                f"{self.file} has no data.motion_pairs: what is compared is their motion"
            )
        return config

    def _arithmetic(self, config: Config) -> float:
        """MACs of all steps of the reference, over the steps of a run. Errors: ValueError."""
        if not config.train.steps:
            raise ValueError(
                f"{self.file} gives its length in epochs, and --budgets arithmetic counts steps: "
                "give it train.steps"
            )
        reference = self._read(REFERENCE, [])
        return _macs(reference) * reference.train.steps / config.train.steps


def _macs(config: Config) -> int:
    """Multiply-accumulates of one clip."""
    assert config.model.classes is not None, "motion pairs have the linear head"
    return by_formula(config.model, config.model.classes)["linear_head"]


def _of_steps(config: Config, times: float) -> list[Override]:
    """So many times the steps, and as many checkpoints and validations as before."""
    train = config.train
    return [
        (f"train.{key}", max(1, round(getattr(train, key) * times)))
        for key in ("steps", "checkpoint_every", "evaluate_every")
    ]


def _elsewhere(config: Config, layout: str) -> list[Override]:
    """The same set of clips in another layout, in a folder of its own beside the first."""
    root = Path(config.data.root)
    other = root.with_name(f"{root.name}_{layout}")
    files: dict[str, Any] = {
        key: str(other / Path(getattr(config.data, key)).relative_to(root))
        for key in ("train", "validation", "class_names")
    }
    changed = {"root": str(other), **files, "motion_pairs.layout": layout}
    return [(f"data.{key}", value) for key, value in changed.items()]
