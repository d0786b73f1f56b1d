"""What the steps and the validations of one run share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.sharding import Mesh

from ila_jax.config import Config
from ila_jax.data.clips.quarantine import Quarantine
from ila_jax.data.sources.source import VideoSource
from ila_jax.job.batches import Dataset
from ila_jax.job.heartbeat import Heartbeat
from ila_jax.train.checkpoint import Checkpoints
from ila_jax.train.feature_files import CachedFeatures
from ila_jax.train.profiling import Profile
from ila_jax.train.recipe import Recipe
from ila_jax.train.state import State
from ila_jax.train.writer import Writer


@dataclass(frozen=True)
class TrainingRun:
    """One run: its recipe, its videos and devices, and all that it writes to.

    stop_asked: whether this process was asked to stop the run (job/stop.py). features: what is kept
    of a frozen image tower, to train from in place of videos.
    """

    recipe: Recipe
    dataset: Dataset
    mesh: Mesh
    checkpoints: Checkpoints
    quarantine: Quarantine
    writer: Writer
    profile: Profile
    heartbeat: Heartbeat
    stop_asked: Callable[[], bool]
    features: CachedFeatures | None = None

    @property
    def config(self) -> Config:
        """The configuration of the run."""
        return self.recipe.config

    def save(self, state: State) -> None:
        """Copies the state for `checkpoints/latest`, which is written in the background.

        Errors: OSError, also when the save before this failed.
        """
        self.checkpoints.save(state, self.config, self.dataset.class_names)

    def save_scored(self, state: State, value: float) -> None:
        """The same for `checkpoints/best`, where it stays if its value is among the best.

        value: of `train.best_metric`.
        """
        self.checkpoints.save_scored(state, self.config, self.dataset.class_names, value)

    def list_bad(self, bad: Any, source: VideoSource) -> None:
        """Lists the unreadable videos of a batch of all processes, each once in a run.

        bad: int [..., 2], rows of (index in the source, reason), index -1 where there is none.
        Errors: RuntimeError when there are more than `data.max_bad_fraction` allows.
        """
        if self.quarantine.add(np.asarray(bad), source):
            self.quarantine.check(self.dataset.videos, self.config.data.max_bad_fraction)
