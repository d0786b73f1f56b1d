"""The extraction of a data set's features into a folder, from the first video that is not done."""

import argparse
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from tqdm import tqdm

from ila_jax.config import to_dict
from ila_jax.data.clips.pipeline import Batches, Loading, view_batches
from ila_jax.data.clips.views import Views
from ila_jax.data.sources.fingerprint import ordered_fingerprint
from ila_jax.data.sources.source import OpenedSplit, VideoSource, ground_truth
from ila_jax.data.video.bad import BadVideo
from ila_jax.extract import files
from ila_jax.extract.features import FeatureExtractor, FeatureRows, shapes
from ila_jax.extract.files import Folder
from ila_jax.job.sharding import make_mesh, put_state, shared
from ila_jax.recognizer import Recognizer
from ila_jax.weights.digest import digest

# Raised when the same settings would give other files: then nothing goes on in an old folder.
_FORMAT = 1
# About so large is a file by default. All of it is in memory before it is written.
_FILE_BYTES = 256 << 20


def all_are_missing(source: VideoSource) -> str | None:
    """What is wrong when no file can be read, in words; None once one can.

    It is asked before a folder is filled with rows that hold nothing but problems.
    """
    first_problem = None
    for index in range(len(source)):
        try:
            source.read(index)
        except BadVideo as error:
            first_problem = first_problem or f"{source.name(index)}: {error}"
        else:
            return None
    return (
        f"none of the {len(source)} videos can be read, such as {first_problem} Give --root, the "
        "folder that the paths of the list start from, or repair the list"
    )


def write_features(
    model: Recognizer,
    opened: OpenedSplit,
    kinds: Sequence[str],
    folder: Folder,
    first: int,
    options: argparse.Namespace,
) -> int:
    """Writes the files from video `first` on; returns how many videos could not be read."""
    mesh = make_mesh()
    extractor = FeatureExtractor(model.config, mesh, kinds)
    # Put on the devices once, and not with every batch.
    variables, problems = put_state(mesh, model.for_inference().variables), 0
    with (
        closing(_batches(opened, model.views, first, options)) as batches,
        tqdm(total=folder.videos, initial=first, unit=" videos", disable=None) as bar,
    ):
        rows = extractor(variables, batches)
        for number, columns, features in files.shards(
            _counted(rows, bar), opened, kinds, size=folder.shard
        ):
            folder.write(number, columns, features)
            problems += int((columns["problem"] != "").sum())
    return problems


def features_folder(
    model: Recognizer, opened: OpenedSplit, kinds: Sequence[str], options: argparse.Namespace
) -> Folder:
    """The folder to write into, with all that its features depend on.

    A file has `--shard` videos, or as many as make about 256 MiB of float32.
    """
    shape_by_kind = shapes(model.config, kinds)
    videos, size = len(opened.source), 4 * sum(map(math.prod, shape_by_kind.values()))
    shard = options.shard or max(1, _FILE_BYTES // size)
    settings: dict[str, Any] = {
        "format": _FORMAT,
        "files": options.format,
        "videos_per_file": shard,
        "features": {kind: list(shape) for kind, shape in shape_by_kind.items()},
        "videos": videos,
        "videos_sha256": ordered_fingerprint(opened.all_ids(), ground_truth(opened.source)),
        "model": to_dict(model.config),
        "weights_sha256": digest(model.variables),
        "views": dataclasses.asdict(model.views),
    }
    return Folder(options.output, settings, options.format, videos, shard)


def _batches(opened: OpenedSplit, views: Views, first: int, options: argparse.Namespace) -> Batches:
    """Batches of the list's videos from `first` on, in its order."""
    # Of a list that is shorter than a batch, the rest of the batch would be padding.
    batch = shared(min(options.batch, len(opened.source)))
    loading = Loading(batch=batch, threads=options.threads, processes=options.processes)
    return view_batches(opened.source, views, loading, first=first)


def _counted(batches: Iterable[FeatureRows], bar: "tqdm[Any]") -> Iterator[FeatureRows]:
    """Yields the same batches, and moves the bar by the videos of each, without padding."""
    for rows in batches:
        yield rows
        bar.update(int((rows["index"] >= 0).sum()))
