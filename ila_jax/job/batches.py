"""The videos of a run: opened and checked before any work starts, and read in batches."""

import dataclasses
from dataclasses import dataclass

import jax

from ila_jax.config import Config
from ila_jax.data.clips import pipeline
from ila_jax.data.clips.evaluation_clips import FrameOrder
from ila_jax.data.clips.order import TrainOrder
from ila_jax.data.clips.pipeline import Batches, Loading
from ila_jax.data.clips.recipe import ClipRecipe, clip_recipe
from ila_jax.data.clips.views import Views, evaluation_views
from ila_jax.data.sources.opening import open_config
from ila_jax.data.sources.source import VideoSource
from ila_jax.data.sources.video_files import tell
from ila_jax.job.sharding import shared

_ONE_LABEL = (
    "every clip has one label, and model.probabilities is sigmoid: the classes are learnt as if a "
    "clip could show several"
)


@dataclass(frozen=True)
class Dataset:
    """Training and validation videos, how clips are made of them, and the classes' names."""

    train: VideoSource
    validation: VideoSource
    clips: ClipRecipe
    class_names: tuple[str, ...]

    @property
    def videos(self) -> int:
        """How many videos are listed."""
        return len(self.train) + len(self.validation)


def open_dataset(config: Config) -> Dataset:
    """The videos that a configuration names, opened and checked; none is read yet.

    Errors: ValueError or FileNotFoundError for lists, names or sizes that make no run.
    """
    splits = open_config(config)
    # All processes read the same lists: one says what there is to say of them.
    if jax.process_index() == 0:
        tell([*splits.train.notes, *splits.validation.notes, *splits.unseen()])
        if config.model.probabilities == "sigmoid" and not splits.several_labels:
            tell([_ONE_LABEL])
    return Dataset(
        train=splits.train.source,
        validation=splits.validation.source,
        clips=clip_recipe(config),
        class_names=splits.class_names,
    )


def train_batches(config: Config, dataset: Dataset, *, first_step: int) -> Batches:
    """This process's training batches from a step on; close it to stop its workers early.

    first_step: the number of steps done. What a batch holds follows from the seed and its step
    alone, so that a run which goes on sees what it would have seen.
    """
    return pipeline.train_batches(
        dataset.train,
        dataset.clips,
        _loading(config, config.train.batch),
        seed=config.train.seed,
        first_step=first_step,
        steps=config.train.steps - first_step,
        on_bad=config.data.on_bad_video,
        balanced=config.train.class_balance == "sampling",
    )


def validation_batches(
    config: Config, dataset: Dataset, frame_order: FrameOrder = "forward"
) -> Batches:
    """This process's share of the validation set, each video once over all processes.

    frame_order: in which each clip's frames are played.
    """
    return pipeline.evaluation_batches(
        dataset.validation,
        dataset.clips,
        # Every device gets as many clips: padding fills the last batch, so the size may grow.
        _loading(config, shared(config.evaluation.batch)),
        frame_order=frame_order,
    )


def view_batches(config: Config, source: VideoSource, *, first: int = 0) -> Batches:
    """This process's share of the videos from `first` on, all views of each.

    A batch is of as many videos as make up `evaluation.batch` clips, and of one at the least.
    """
    evaluation = config.evaluation
    return pipeline.view_batches(
        source,
        evaluation_views(config),
        _loading(config, shared(max(1, evaluation.batch // (evaluation.clips * evaluation.crops)))),
        first=first,
    )


def fixed_views(config: Config, clips: int) -> Views:
    """So many fixed clips of a video, and of each the middle: with one, validation's own clip."""
    # Fixed clips depend on neither, and what is kept of them should not seem to.
    recipe = dataclasses.replace(clip_recipe(config), scales=(1.0,))
    return Views(recipe=recipe, clips=clips, crops=1, sampling="fixed", seed=0)


def fixed_view_batches(config: Config, source: VideoSource, clips: int, *, first: int) -> Batches:
    """All `fixed_views` of the videos from `first` on, in the order of the list."""
    rows = shared(max(1, config.evaluation.batch // clips))
    return pipeline.view_batches(
        source, fixed_views(config, clips), _loading(config, rows), first=first
    )


def train_order(config: Config, source: VideoSource) -> TrainOrder:
    """Which video comes when in this process's training batches."""
    return pipeline.train_order(
        source,
        _loading(config, config.train.batch),
        seed=config.train.seed,
        balanced=config.train.class_balance == "sampling",
    )


def _loading(config: Config, batch: int) -> Loading:
    """How this process loads its part of a global batch."""
    return Loading(
        batch=batch,
        threads=config.data.threads,
        processes=config.data.processes,
        time_limit=config.data.time_limit,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )
