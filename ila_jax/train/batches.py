"""The batches of a run: of videos from the loader, or of the features that are kept of them.

Those of features have the same rows under the same names; `video` is `TowerTokens` [b, t, …].
"""

import functools
from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ila_jax.data.clips.element import blank_label
from ila_jax.data.clips.order import EvaluationOrder
from ila_jax.data.clips.replacement import MAX_TRIES, Replacements
from ila_jax.data.sources.source import VideoSource, ground_truth
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.job import batches
from ila_jax.job.sharding import shared
from ila_jax.train.feature_files import FeatureFiles
from ila_jax.train.run import TrainingRun

Rows = Generator[dict[str, Any], None, None]  # to be closed


def train_batches(run: TrainingRun, *, first_step: int) -> Rows:
    """The training batches from a step on, a function of the seed and the step alone."""
    if run.features is None:
        return batches.train_batches(run.config, run.dataset, first_step=first_step)
    return _cached_train_batches(run, run.features.train, first_step)


def validation_batches(run: TrainingRun) -> Rows:
    """The validation set, each video once."""
    if run.features is None:
        return batches.validation_batches(run.config, run.dataset)
    return _cached_validation_batches(run, run.features.validation)


def _cached_train_batches(run: TrainingRun, files: FeatureFiles, first_step: int) -> Rows:
    """The videos that the loader would show, of each one of its views, another in every epoch."""
    source, config = run.dataset.train, run.config
    order = batches.train_order(config, source)
    replace = config.data.on_bad_video == "replace"
    shown = functools.cache(
        functools.partial(_shown, source, Replacements(source), files, replace=replace)
    )
    for step in range(first_step, config.train.steps):
        positions = range(step * order.local_batch, (step + 1) * order.local_batch)
        draws = np.array([order(position) for position in positions])
        epoch, (times, example) = draws[:, 0], np.divmod(draws[:, 1], len(source))
        index, bad = (np.stack(x) for x in zip(*(shown(int(i)) for i in example), strict=True))
        # All views of a video come in turn; videos do not all begin with the first.
        view = (epoch + example + times) % files.views
        yield _rows(source, files, index, view, bad)


def _shown(
    source: VideoSource,
    replacements: Replacements,
    files: FeatureFiles,
    example: int,
    *,
    replace: bool,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The video that is shown for an example, int [], and the bad ones that it replaces.

    Those are int32 [tries, 2], (index, Reason), padded with -1. Errors: as `TrainClips`.
    """
    table = np.full((MAX_TRIES, 2), -1, np.int32)
    problems: list[BadVideo] = []
    for number, index in enumerate(replacements.candidates(example)):
        reason = int(files.videos["reason"][index])
        if reason < 0:
            return np.asarray(index), table
        problems.append(BadVideo(Reason(reason)))
        if not replace:
            raise problems[0].of(source.name(index))
        table[number] = index, reason
    raise replacements.none_left(example, problems)


def _cached_validation_batches(run: TrainingRun, files: FeatureFiles) -> Rows:
    """Unreadable videos are masked, as the loader does it."""
    source = run.dataset.validation
    order = EvaluationOrder(len(source), shared(run.config.evaluation.batch))
    for step in range(order.steps):
        positions = range(step * order.batch, (step + 1) * order.batch)
        place = np.array([order(position) for position in positions])
        # What fills the last batch shows the first video, and is masked.
        index = np.maximum(place, 0)
        reason = np.where(place >= 0, files.videos["reason"][index], -1)
        bad = np.stack([np.where(reason >= 0, index, -1), reason], -1).astype(np.int32)[:, None]
        rows = _rows(source, files, index, np.zeros_like(index), bad)
        rows["index"] = np.where(place >= 0, rows["index"], -1)
        rows["label"][place < 0] = blank_label(rows["label"])
        yield rows | {"mask": (place >= 0) & (reason < 0)}


def _rows(
    source: VideoSource,
    files: FeatureFiles,
    index: NDArray[Any],
    view: NDArray[Any],
    bad: NDArray[Any],
) -> dict[str, Any]:
    """A batch of videos, in one view of each. index, view: int [b]. bad: int32 [b, tries, 2]."""
    return {
        "video": files.read(index, view),
        "label": ground_truth(source)[index],
        "index": index.astype(np.int32),
        "short": np.asarray(files.videos["short"][index]),
        "bad": bad,
    }
