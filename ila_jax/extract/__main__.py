"""python -m ila_jax.extract: features of a data set, as files."""

import argparse
import os
import sys
from collections.abc import Sequence

from ila_jax import cli
from ila_jax.compilation_cache import use_compilation_cache
from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.sources.kinds import SOURCE_KINDS, add_list
from ila_jax.data.sources.video_files import tell
from ila_jax.extract.kinds import KINDS
from ila_jax.files.counts import count_of
from ila_jax.files.writable import check_writable

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
    from ila_jax.data.sources.opening import open_source

    opened = open_source(options.source, root=options.root, class_names=names)
    tell(opened.notes)
    # After the arguments are known to be right: loading jax takes a second.
    from ila_jax.extract.extraction import all_are_missing, features_folder, write_features
    from ila_jax.weights.folder import load

    use_compilation_cache(no_cache=options.no_cache)
    # What costs nothing comes first: a wrong --root is said before gigabytes of weights are read.
    missing = all_are_missing(opened.source)
    # A row holds the features of one view, whatever views the run was evaluated with.
    model = load(options.checkpoint).with_views(clips=1, crops=1)
    folder = features_folder(model, opened, kinds, options)
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
        problems = write_features(model, opened, kinds, folder, first, options)
    files = count_of(folder.count, "file", "files")
    print(f"wrote {folder.path}: {count_of(total, 'video', 'videos')} in {files}")
    read = total - first
    if problems == total:
        raise RuntimeError(f"none of the {total} videos could be read: see `problem`")
    if problems:
        print(f"{problems} of {read} videos could not be read: see `problem`", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = cli.new_parser("extract", _HELP)
    cli.add_checkpoint(parser)
    add = parser.add_argument
    add("source", metavar="SOURCE", help="the videos: an annotation file, a folder, …")
    add("--output", type=cli.some_path, required=True, metavar="DIR", help="folder of the files")
    add("--features", metavar="A,B", help=f"of {', '.join(KINDS)} (default: clip)")
    add("--format", choices=["parquet", "npz"], default="parquet", help="default: parquet")
    add_list(parser)
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
    cli.add_no_cache(parser)
    return parser


if __name__ == "__main__":
    cli.leave(main())
