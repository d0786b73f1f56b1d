"""python -m ila_jax.extract: features of a data set, as files."""

import argparse
import dataclasses
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from tqdm import tqdm

from ila_jax import cli
from ila_jax.config import to_dict
from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.clips.pipeline import Batches, Loading, view_batches
from ila_jax.data.clips.views import Views
from ila_jax.data.sources.fingerprint import ordered_fingerprint
from ila_jax.data.sources.opening import SOURCE_KINDS, open_source
from ila_jax.data.sources.source import OpenedSplit, VideoSource
from ila_jax.data.sources.video_files import tell
from ila_jax.data.video.bad import BadVideo
from ila_jax.extract import files
from ila_jax.extract.features import KINDS, FeatureExtractor, FeatureRows, shapes
from ila_jax.extract.files import Folder
from ila_jax.files.writable import check_writable
from ila_jax.job.sharding import make_mesh, put_state, shared
from ila_jax.recognizer import Recognizer
from ila_jax.weights.digest import digest
from ila_jax.weights.folder import load

# Raised when the same settings would give other files: then nothing goes on in an old folder.
_FORMAT = 1
# About so large is a file by default. All of it is in memory before it is written.
_FILE_BYTES = 256 << 20

_HELP = f"""\
Writes the features of every video of a data set: of the clip [e], of each frame [t, e] and of each
patch [t, p, d], in float32. A video is looked at once: one clip, the middle of the picture. Stopped
in any way, the same command goes on where it was.

  python -m ila_jax.extract runs/quickstart videos/train --output features/train
  python -m ila_jax.extract weights/ila ssv2/validation.json --root ssv2/videos \\
      --output features/ssv2 --features clip,frame --format npz

SOURCE is one of
{SOURCE_KINDS}

A row is a video of the list, in its order: index, id, path, label, class_name, problem, and the
features. What could not be read has its reason under problem, and no features (null; NaN in npz).
  pyarrow.parquet.read_table("features/train")["clip"].combine_chunks().to_numpy_ndarray()
  numpy.load("features/ssv2/features-00000-of-00004.npz")["frame"]
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return cli.run(lambda: _extract(arguments))


def _extract(arguments: Sequence[str] | None) -> None:
    """Extracts features into a folder. Errors: ValueError, OSError, RuntimeError in plain words."""
    options = _parser().parse_args(arguments)
    kinds = cli.chosen("--features", options.features, KINDS, default=["clip"])
    for name, least in (("batch", 1), ("shard", 1), ("threads", 1), ("processes", 0)):
        if getattr(options, name) is not None and getattr(options, name) < least:
            raise ValueError(f"--{name} is {getattr(options, name)}: expected {least} or more")
    check_writable(options.output)
    names = None if options.class_names is None else read_class_names(options.class_names)
    opened = open_source(options.source, root=options.root, class_names=names)
    tell(opened.notes)
    # What costs nothing comes first: a wrong --root is said before gigabytes of weights are read.
    missing = _all_are_missing(opened.source)
    # A row holds the features of one view, whatever views the run was evaluated with.
    model = load(options.checkpoint).with_views(clips=1, crops=1)
    folder = _folder(model, opened, kinds, options)
    # Of a set that is done, the videos may be gone: its features are all there.
    if missing is not None and not folder.is_full():
        raise ValueError(missing)
    # `first` is the first video of a file that is not there: files that are, stay as they are.
    with folder.begun() as first:
        total = folder.videos
        if first == total:
            print(f"nothing to do: {folder.path} holds the features of all {total} videos")
            return
        if first:
            print(f"{first} of {total} videos are done already", file=sys.stderr)
        problems = _write(model, opened, kinds, folder, first, options)
    print(f"wrote {folder.path}: {total} videos in {folder.count} files")
    read = total - first
    if problems == total:
        raise RuntimeError(f"none of the {total} videos could be read: see `problem`")
    if problems:
        print(f"{problems} of {read} videos could not be read: see `problem`", file=sys.stderr)


def _all_are_missing(source: VideoSource) -> str | None:
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


def _write(
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
    variables, problems = put_state(mesh, model.variables), 0
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


def _folder(
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
        "videos_sha256": ordered_fingerprint(opened.all_ids(), opened.source.labels),
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ila_jax.extract",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add("source", metavar="SOURCE", help="the videos: an annotation file, a folder, …")
    add("--output", type=cli.some_path, required=True, metavar="DIR", help="folder of the files")
    add("--features", metavar="A,B", help=f"of {', '.join(KINDS)} (default: clip)")
    add("--format", choices=["parquet", "npz"], default="parquet", help="default: parquet")
    add("--root", default="", metavar="DIR", help="folder that the paths of a list start from")
    add(
        "--class-names",
        metavar="FILE",
        help="of a list that names none: a name a line, id,name, or JSON",
    )
    add("--shard", type=int, metavar="N", help="videos of a file (default: about 256 MiB of them)")
    add("--batch", type=int, default=16, metavar="N", help="videos at a time (default: 16)")
    cores = os.cpu_count() or 1
    add("--threads", type=int, default=cores, metavar="N", help="that read videos (all cores)")
    add(
        "--processes",
        type=int,
        default=0,
        metavar="N",
        help="that read, of so many threads each; with 1 or more, a decoder that hangs costs one "
        "video and not the run (default: 0, threads alone)",
    )
    return parser


if __name__ == "__main__":
    cli.leave(main())
