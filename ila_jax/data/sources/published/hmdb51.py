"""HMDB-51 (Kuehne et al., 2011): `CLASS_test_split1.txt`, a file for each class and split."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ila_jax.data.sources.published.listed import PublishedClip, open_clips, read_lines, usable
from ila_jax.data.sources.published.parts import folder_and_part
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.files.text_files import listed

_EXPECTED = "a list of HMDB-51, `clip.avi 1` a line"
# What the number behind a clip says; 0 are clips that this split does not use.
_MARKS = {"train": "1", "test": "2"}


def open_hmdb51(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The clips of a part of HMDB-51. rest: `testTrainMulti_7030_splits@train1`.

    A class is named after its files, with blanks for underscores; classes are numbered in
    alphabetical order. Errors: FileNotFoundError; ValueError.
    """
    folder, part = folder_and_part("hmdb51", rest)
    ending = f"_test_split{part[-1]}.txt"
    files = _files(folder, ending)
    clips: list[PublishedClip] = []
    for label, name in enumerate(sorted(files)):
        clips += usable(files[name], _clips(files[name], label, _MARKS[part[:-1]]))
    names = [name.replace("_", " ") for name in sorted(files)]
    return open_clips(folder, clips, names, root=root, class_names=class_names)


def _files(folder: Path, ending: str) -> dict[str, Path]:
    """The lists of a split by class. Errors: FileNotFoundError where those of classes are missing.

    ending: of their names, `_test_split1.txt`.
    """
    # macOS puts a ._wave_test_split1.txt beside wave_test_split1.txt.
    paths = [path for path in folder.glob("*_test_split?.txt") if not path.name.startswith(".")]
    files = {path.name.removesuffix(ending): path for path in paths if path.name.endswith(ending)}
    if not files:
        raise FileNotFoundError(
            f"{folder} has no *{ending}: expected the lists of testTrainMulti_7030_splits, such as "
            f"brush_hair{ending}"
        )
    names = {path.name[: -len(ending)] for path in paths}
    if missing := sorted(names - files.keys()):
        heading = f"{folder} has lists of {len(missing)} classes for other splits, and lacks"
        raise FileNotFoundError(listed(heading, [name + ending for name in missing]))
    return files


def _clips(path: Path, label: int, mark: str) -> Iterator[tuple[int, PublishedClip | str]]:
    """The clips of one list that have this mark, and what is wrong with other lines."""
    for number, line in read_lines(path, _EXPECTED):
        file, _, digit = line.rpartition(" ")
        if not file or digit not in ("0", "1", "2"):
            yield number, f"expected a file and 0, 1 or 2, found {line[:60]!r}"
        elif digit == mark:
            yield number, PublishedClip(file.strip(), (label,))
