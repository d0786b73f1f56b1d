"""UCF-101 (Soomro et al., 2012): `classInd.txt`, `trainlist01.txt` to `03`, `testlist01.txt` …"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ila_jax.data.class_names.classes import Classes, read_class_names
from ila_jax.data.sources.published.listed import (
    PublishedClip,
    open_clips,
    read_lines,
    required_file,
    usable,
)
from ila_jax.data.sources.published.parts import folder_and_part
from ila_jax.data.sources.source import OpenedSplit

_EXPECTED = "a list of UCF-101, `Class/clip.avi 1` a line"
# `Class/clip.avi`, and in the lists of training clips the number of the class, from 1.
_LINE = re.compile(r"(?P<file>(?P<folder>[^/]+)/.+?)(?:\s+(?P<number>\d{1,9}))?")


def open_ucf101(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The clips of a part of UCF-101. rest: `ucfTrainTestlist@train1`.

    A clip's class is the folder before its name; classes have the order of classInd.txt, and their
    names are made of words by `in_words`. Errors: FileNotFoundError; ValueError.
    """
    folder, part = folder_and_part("ucf101", rest)
    names = read_class_names(required_file(folder, "classInd.txt"))
    path = required_file(folder, f"{part[:-1]}list0{part[-1]}.txt")
    clips = usable(path, _clips(path, names))
    words = [in_words(name) for name in names]
    return open_clips(path, clips, words, root=root, class_names=class_names)


def in_words(name: str) -> str:
    """`ApplyEyeMakeup` as `apply eye makeup`: the words of a name, which are written together.

    A word begins at every capital letter behind a small one or a digit.
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()


def _clips(path: Path, names: Sequence[str]) -> Iterator[tuple[int, PublishedClip | str]]:
    """The clips of a list, and what is wrong with other lines. names: as in classInd.txt."""
    # One class is spelled HandstandPushups in one place and HandStandPushups in another.
    classes = Classes(names)
    for number, line in read_lines(path, _EXPECTED):
        match = _LINE.fullmatch(line)
        if match is None:
            yield number, f"expected Class/clip.avi, found {line[:60]!r}"
            continue
        label = classes.label(match["folder"])
        if label is None:
            yield number, f"{match['folder']!r} is none of the {len(names)} classes of classInd.txt"
        elif match["number"] is not None and int(match["number"]) != label + 1:
            expected = f"{names[label]!r} is class {label + 1} of classInd.txt"
            yield number, f"{expected}, found {match['number']} behind {match['file']}"
        else:
            yield number, PublishedClip(match["file"], (label,))
