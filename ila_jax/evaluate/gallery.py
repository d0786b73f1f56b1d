"""Videos for the report: their frames, and of ILA the masks and points, as pictures in text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Float

from ila_jax.data.clips.views import evaluation_views
from ila_jax.data.video.bad import BadVideo
from ila_jax.evaluate.accuracy import ScoredVideos
from ila_jax.evaluate.predictions import PREDICTIONS
from ila_jax.evaluate.several_labels import label_names
from ila_jax.evaluate.subject import Subject
from ila_jax.files.plain_name import plain_name
from ila_jax.files.printable import printable
from ila_jax.models.temporal.alignment import mask
from ila_jax.models.variants import variant
from ila_jax.pictures.addresses import jpeg
from ila_jax.pictures.overlay import enlarged, mask_overlay

# Frames of a clip that are shown, spread over all of it: more do not fit beside each other.
_FRAMES = 8
# Sides of a frame in the page, in pixels.
_SMALLEST, _LARGEST = 96, 160
_GAP = 3


@dataclass(frozen=True)
class GalleryVideo:
    """A video as the report shows it, with the classes that it has and the most probable one.

    label: the class, or all with commas. strips: pairs of a title and of frames side by side, as a
    `data:` address.
    """

    video: str
    label: str
    predicted: str
    probability: float
    strips: tuple[tuple[str, str], ...]


def surest(videos: ScoredVideos, count: int) -> tuple[list[int], list[int]]:
    """The videos with the most probable best class: those named right, and those named wrong.

    count: how many of each at the most. Both are places in the list, the surest first.
    """
    # Videos that could not be read come last, and are left out below.
    confidence = np.where(videos.readable, videos.probabilities.max(axis=1), -1.0)
    order = np.argsort(-confidence, kind="stable")
    right = videos.right[order]
    hits, misses = order[right], order[~right & videos.readable[order]]
    return hits[:count].tolist(), misses[:count].tolist()


def examples(
    folder: Path, subject: Subject, videos: ScoredVideos, chosen: list[int]
) -> Iterator[GalleryVideo]:
    """Yields the chosen videos with their pictures; each is read and decoded once more.

    folder: holds the predictions, in which the points are. chosen: places in the list.
    """
    points = _points(folder, chosen)
    for i, blocks in zip(chosen, points, strict=True):
        yield GalleryVideo(
            printable(subject.ids[i]),
            label_names(subject.class_names, videos.label[i]),
            subject.class_names[videos.predicted[i]],
            float(videos.probabilities[i].max()),
            tuple(_strips(subject, i, blocks)),
        )


def _points(folder: Path, chosen: list[int]) -> list[np.ndarray | None]:
    """The points of each video, [depth, t − 1, 2, 2]; None for a model without points."""
    path = plain_name(folder / PREDICTIONS)
    if not chosen or "points" not in pq.read_schema(path).names:
        return [None] * len(chosen)
    column = pq.read_table(path, columns=["points"])["points"].take(chosen)
    return [np.array(points, np.float32) for points in column.to_pylist()]


def _strips(
    subject: Subject, index: int, points: Float[np.ndarray, "depth s 2 2"] | None
) -> Iterator[tuple[str, str]]:
    """The first view's frames, and for ILA those masked by a middle and by the last block."""
    try:
        views, _ = evaluation_views(subject.config)(subject.source.read(index), index)
    # The file has changed since it was scored; the scores stand all the same.
    except BadVideo as error:
        yield f"cannot be read any more: {error}", ""
        return
    # Tiny models' frames are enlarged to be seen, large ones made small: the page holds them all.
    side = min(_LARGEST, max(_SMALLEST, views.shape[2]))
    frames = enlarged(views[0], side)
    times = np.linspace(0, len(frames) - 1, min(_FRAMES, len(frames))).round().astype(int)
    yield "frames of the first view", _strip(frames[times])
    # As the model itself weighs frames: both forms of ILA have points, and each its own weights.
    frame_weights = variant(subject.config.model).frame_weights
    if points is None or frame_weights is None:
        return
    grid, depth = subject.config.model.geometry().grid, len(points)
    # The blocks that the supplement of the paper shows: the one in the middle, and the last.
    # Masks are drawn again from the points: predictions hold only those, which are far smaller.
    for block in sorted({max(depth // 2, 1), depth}):
        width = subject.config.model.points.mask_width
        around = mask(jnp.asarray(points[block - 1]), grid, None, width)  # s 2 g g
        masks = np.asarray(frame_weights(around[None, :, 0], around[None, :, 1])[0])
        overlaid = mask_overlay(frames, masks, points[block - 1])
        yield f"masks and points of block {block} of {depth}", _strip(overlaid[times])


def _strip(frames: np.ndarray) -> str:
    """Frames [t, h, w, 3] side by side, with a gap between two, as a `data:` address."""
    apart = np.pad(frames, ((0, 0), (0, 0), (0, _GAP), (0, 0)), constant_values=255)
    return jpeg(np.concatenate(list(apart), axis=1)[:, :-_GAP])
