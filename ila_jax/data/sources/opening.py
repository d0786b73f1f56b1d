"""One name for every kind of data set: a list, Kinetics, Something-Something, folders, TFDS."""

import dataclasses
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ila_jax.config import Config
from ila_jax.data.class_names.classes import named, read_class_names
from ila_jax.data.sources.annotations import parse_list
from ila_jax.data.sources.folders import open_folders
from ila_jax.data.sources.kinds import SOURCE_KINDS
from ila_jax.data.sources.kinetics import is_kinetics, open_kinetics
from ila_jax.data.sources.prepared import open_prepared
from ila_jax.data.sources.published.charades import open_charades
from ila_jax.data.sources.published.diving48 import open_diving48
from ila_jax.data.sources.published.hmdb51 import open_hmdb51
from ila_jax.data.sources.published.kinetics_lists import open_kinetics_lists
from ila_jax.data.sources.published.ucf101 import open_ucf101
from ila_jax.data.sources.published.zsl220 import open_zsl220
from ila_jax.data.sources.something import open_something
from ila_jax.data.sources.source import ListSource, OpenedSplit, class_counts, ground_truth
from ila_jax.data.sources.split_file import open_split
from ila_jax.data.sources.tfds_source import open_tfds
from ila_jax.files.text_files import check_unicode, read_text

_EXPECTED = "a list of videos: `path label` a line, Kinetics' CSV, or Something-Something's JSON"
_SHOWN = 3  # classes that a sentence names
# Kinds that are named by a scheme, `scheme:REST`; each takes (rest, root, class names).
_SCHEMES: dict[str, Callable[[str, str, Sequence[str] | None], OpenedSplit]] = {
    "tfds": open_tfds,
    "prepared": open_prepared,
    "split": open_split,
    # By the data set's own files.
    "hmdb51": open_hmdb51,
    "ucf101": open_ucf101,
    "kinetics": open_kinetics_lists,
    "zsl220": open_zsl220,
    "diving48": open_diving48,
    "charades": open_charades,
}


@dataclass(frozen=True)
class Splits:
    """The training and validation videos of a run, with the same classes."""

    train: OpenedSplit
    validation: OpenedSplit

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, which both splits have, class 0 first."""
        return self.train.class_names

    @property
    def several_labels(self) -> bool:
        """Whether a clip may have any number of the classes, in both splits."""
        return self.train.source.targets is not None

    def unseen(self) -> list[str]:
        """Sentences about classes that a split has no video of."""
        sentences = []
        for split, opened in (("training", self.train), ("validation", self.validation)):
            counts = class_counts(ground_truth(opened.source), len(self.class_names))
            none = [self.class_names[k] for k in np.flatnonzero(counts == 0).tolist()]
            if none:
                some = ", ".join(map(repr, none[:_SHOWN])) + (", …" if len(none) > _SHOWN else "")
                sentences.append(
                    f"{len(none)} of {len(counts)} classes have no {split} video: {some}"
                )
        return sentences


def open_source(where: str, *, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """A split by its name, one of `SOURCE_KINDS`.

    root: folder that the paths of lists start from, and that files are looked for in. class_names:
    None takes those that the annotations carry; given, annotations must agree with them.
    Errors: FileNotFoundError; ValueError that lists what does not fit, together.
    """
    opened = _open(where, root, None if class_names is None else named(class_names))
    if len(opened.class_names) > 1:
        return opened
    note = f"{where} has one class, {opened.class_names[0]!r}: there is nothing to tell it from"
    return dataclasses.replace(opened, notes=[*opened.notes, note])


def _open(where: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """A split of the kind that its name, or what is in its file, says."""
    # A file may have a colon in its name, and is a file unless a scheme stands before it.
    scheme, colon, rest = where.partition(":")
    if colon and scheme in _SCHEMES:
        return _SCHEMES[scheme](rest, root, class_names)
    if where and Path(where).is_dir():
        return open_folders(where, class_names)
    if not where or not Path(where).exists():
        raise FileNotFoundError(
            f"{where!r} does not exist.\nExpected is an annotation of\n{SOURCE_KINDS}"
        )
    # It is read once, and passed on as text: it may be a pipe, <(grep …).
    text = read_text(where, _EXPECTED, raw=True)
    if not text.strip():
        raise ValueError(f"{where} is empty: expected {_EXPECTED}, found nothing")
    # From what cannot be mistaken to what nearly any text could be: a list is what is left.
    if is_kinetics(text):
        check_unicode(where, text, _EXPECTED)
        return open_kinetics(where, text, root, class_names)
    if _is_json(where, text):
        check_unicode(where, text, _EXPECTED)
        return open_something(where, text, root, class_names)
    return _open_list(where, text, root, class_names)


def _is_json(where: str, text: str) -> bool:
    """By its beginning, or by its name where it is no list either: a path may begin with a [."""
    if where.lower().endswith(".json"):
        return True
    return re.match(r"\s*(\[\s*[{\]]|\{\s*[\"}])", text) is not None


def open_splits(train: str, validation: str, *, root: str, class_names: str | None) -> Splits:
    """Both splits of a run, with the same classes. class_names: a file of names, or None.

    None takes the names of the training split, which the validation split must agree with.
    Errors: as `open_source`, those of both splits together.
    """
    names = None if class_names is None else read_class_names(class_names)
    opened = {}
    problems: list[Exception] = []
    for split, where in (("train", train), ("validation", validation)):
        try:
            opened[split] = open_source(where, root=root, class_names=names)
        except (ValueError, OSError) as error:
            problems.append(error)
        else:
            names = opened[split].class_names  # which the validation split then must agree with
    # Both splits may fail for one reason, such as a root that does not exist: it is told once.
    if len(problems) == 1 or (problems and str(problems[0]) == str(problems[1])):
        raise problems[0]
    if problems:
        raise ValueError("\n".join(map(str, problems)))
    several = [split.source.targets is not None for split in opened.values()]
    if any(several) and not all(several):
        names = train, validation
        raise ValueError(
            f"{names[several.index(True)]} has clips of several labels, and "
            f"{names[several.index(False)]} one label for each: expected both of a kind; write "
            "both into one list, with a column `split`"
        )
    return Splits(**opened)


def open_config(config: Config) -> Splits:
    """The splits of a configuration. Errors: as `open_splits`, and for sizes that make no run."""
    data, classes = config.data, config.model.classes
    splits = open_splits(data.train, data.validation, root=data.root, class_names=data.class_names)
    names, videos = splits.class_names, len(splits.train.source)
    problems = _of_several_labels(config, splits)
    # None takes as many as the data name.
    if classes is not None and classes != len(names):
        problems.append(
            f"model.classes is {classes}, but {data.class_names or data.train} names {len(names)}: "
            f"set --config.model.classes={len(names)}, or name every class"
        )
    if videos < config.train.batch:
        problems.append(
            f"{data.train} lists {videos} videos, fewer than one batch of {config.train.batch}: "
            "lower train.batch"
        )
    if problems:
        raise ValueError("\n".join(problems))
    return splits


def _of_several_labels(config: Config, splits: Splits) -> list[str]:
    """What does not go together with clips of several labels, in sentences."""
    data, train = config.data, config.train
    if not splits.several_labels:
        return []
    wrong = {
        # A text head cannot have them, so that the head is named as well.
        "model.probabilities": (config.model.probabilities == "softmax", "sigmoid, with "
            "model.head=linear and train.loss=binary_cross_entropy or asymmetric: softmax would "
            "share out one probability among the classes of a clip"),
        "train.class_balance": (train.class_balance == "sampling", "none: a clip of two classes "
            "cannot be shown as often as each of them asks for"),
        "train.best_metric": (train.best_metric == "macro_accuracy", "map, or another: it asks for "
            "the one class of each clip"),
    }  # fmt: skip
    return [
        f"{data.train} has clips of several labels, and {key} is not for them: expected {expected}"
        for key, (bad, expected) in wrong.items()
        if bad
    ]


def _open_list(where: str, text: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The videos of an annotation list with this text. Errors: ValueError."""
    if class_names is None:
        raise ValueError(
            f"{where} is a list of paths and numbers, which names no classes: name them in a file, "
            "one a line, the first is class 0, and the file in data.class_names. (It begins with "
            f"{text.strip()[:60].splitlines()[0]!r}.)"
        )
    examples = parse_list(where, text, root, len(class_names))
    # An id is the path as the list has it, so that it is the same wherever the root is.
    prefix = os.path.join(root, "")
    ids = [example.path.removeprefix(prefix) for example in examples]
    return OpenedSplit(ListSource(examples), tuple(class_names), ids)
