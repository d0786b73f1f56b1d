"""Data sets of tensorflow-datasets that hold encoded videos, read without TensorFlow.

They have to be there already, as ArrayRecord: nothing is downloaded or built here.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ila_jax.data.class_names.classes import Classes
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.data.sources.tfds_features import TfdsFields, find_fields
from ila_jax.data.sources.tfds_labels import read_labels
from ila_jax.data.sources.tfds_package import require_tfds
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.limits import check_bytes
from ila_jax.files.plain_name import plain_name
from ila_jax.files.publish import is_local
from ila_jax.files.stores import require_store
from ila_jax.files.text_files import listed

_NAME = re.compile(
    r"(?P<name>[^/:@]+)(/(?P<config>[^:@]+))?(:(?P<version>[^@]+))?@(?P<split>.+)", re.DOTALL
)


class TfdsSource:
    """One split of a built data set, read an element at a time."""

    targets: np.ndarray | None = None  # its label is one class

    def __init__(
        self, folder: str, split: str, video: str, labels: np.ndarray, names: Sequence[str]
    ) -> None:
        """A split of the data set in a folder, the one that holds features.json.

        video: the feature's name. labels: int32 [n]. names: what a person knows each video by.
        """
        self._folder, self._split, self._video = folder, split, video
        self._labels, self._names = labels, names
        self._elements: Any = None  # opened when the first video is read

    @property
    def labels(self) -> np.ndarray:
        """The class of every video: int32 [n]."""
        return self._labels

    def __len__(self) -> int:
        return len(self._labels)

    def name(self, index: int) -> str:
        """The id of an element, or the data set and its position where elements have none."""
        return self._names[index]

    def read(self, index: int) -> bytes:
        """The bytes of an encoded video. Errors: BadVideo."""
        if self._elements is None:  # in a worker: open files do not travel
            self._elements = _builder(self._folder).as_data_source(self._split)
        try:
            data: bytes = self._elements[int(index)][self._video]
        except (OSError, RuntimeError, ValueError) as error:
            raise BadVideo(Reason.UNREADABLE, str(error)) from None
        if not data:
            raise BadVideo(Reason.EMPTY)
        check_bytes(len(data))
        return data

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_elements": None}


def open_tfds(name: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """NAME/CONFIG:VERSION@SPLIT below `root`, $TFDS_DATA_DIR or ~/tensorflow_datasets.

    The split may be a slice, `train[:90%]`. Labels and ids are read once from all elements and
    remembered in the user's cache. class_names: None takes those of the ClassLabel.
    Errors: FileNotFoundError; ValueError where there is no such split, no feature with encoded
    videos or none with labels, saying what there is.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ValueError(
            f"tfds:{name}: expected tfds:NAME@SPLIT or tfds:NAME/CONFIG:VERSION@SPLIT, such as "
            "tfds:my_clips:1.0.0@train"
        )
    require_tfds(f"tfds:{name}")
    folder = _folder(parts, root)
    # TFDS imports TensorFlow for those features alone that need it.
    try:
        builder = _builder(folder)
    except ImportError as error:
        raise ValueError(
            f"{folder} has features that need TensorFlow ({error}), such as Video, which stores "
            "single pictures: expected encoded videos as scalars of bytes. Name the original files "
            "instead, or build such a data set from them"
        ) from None
    except Exception as error:  # json's, protobuf's and TFDS's own
        raise ValueError(f"{folder} is damaged ({error}): build the data set anew") from error
    full = f"tfds:{builder.info.full_name}@{parts['split']}"
    if builder.info.file_format is None or builder.info.file_format.value != "array_record":
        stored = getattr(builder.info.file_format, "value", "unknown")
        raise ValueError(
            f"{full} is stored as {stored}, which is not read in any order without TensorFlow: "
            "expected array_record. Build it with file_format='array_record', or convert it with "
            "`tfds convert_format`"
        )
    fields = find_fields(full, builder.info.features)
    try:
        elements = builder.as_data_source(parts["split"])
    except ValueError as error:
        raise ValueError(f"{full}: {error}") from None
    numbers, ids = read_labels(folder, parts["split"], elements, fields)
    names, labels = _labels(full, numbers, fields, class_names)
    names_shown = ids if fields.id else [f"{full}[{index}]" for index in range(len(ids))]
    source = TfdsSource(folder, parts["split"], fields.video, labels, names_shown)
    return OpenedSplit(source, tuple(names), ids)


def _folder(parts: re.Match[str], root: str) -> str:
    """Where the data set was built. Errors: FileNotFoundError; ValueError for several."""
    from etils import epath  # a root may be a bucket

    usual = os.environ.get("TFDS_DATA_DIR") or os.path.expanduser("~/tensorflow_datasets")
    bases = list(dict.fromkeys(base for base in (root, usual) if base))
    for base in bases:
        require_store(base)
    built = [
        path.parent
        for base in bases
        for pattern in ("*/features.json", "*/*/features.json")
        for path in sorted((epath.Path(base) / parts["name"]).glob(pattern))
    ]
    fitting = [folder for folder in built if _fits(folder.parts, parts)]
    if len(fitting) == 1:
        return str(fitting[0])
    candidates = "\n  ".join(map(str, fitting or built)) or "nothing"
    if fitting:
        raise ValueError(
            f"tfds:{parts[0]} could be any of\n  {candidates}\nname config and version: "
            "tfds:NAME/CONFIG:VERSION@SPLIT"
        )
    raise FileNotFoundError(
        f"tfds:{parts[0]} is not built in {' or '.join(bases)}: expected "
        f"{parts['name']}/CONFIG/VERSION/features.json there, found {candidates}. Build it with "
        "TFDS, or point data.root to the folder that holds it (nothing is downloaded here)"
    )


def _fits(folders: Sequence[str], parts: re.Match[str]) -> bool:
    """Whether …/NAME/VERSION or …/NAME/CONFIG/VERSION is what the parts of a name say."""
    config = folders[-2] if folders[-3] == parts["name"] else None
    return parts["version"] in (None, folders[-1]) and parts["config"] in (None, config)


def _builder(folder: str) -> Any:
    """TFDS's builder of a data set that is there already."""
    tfds = require_tfds("tfds:")
    return tfds.builder_from_directory(plain_name(folder) if is_local(folder) else folder)


def _labels(
    full: str, numbers: np.ndarray, fields: TfdsFields, class_names: Sequence[str] | None
) -> tuple[Sequence[str], np.ndarray]:
    """Class names, and the class of every element: int32 [n]."""
    own = fields.class_names
    if class_names is None and own is None:
        raise ValueError(
            f"{full}: the label {fields.label!r} is a number without names: name the classes in a "
            "file, one a line, and the file in data.class_names"
        )
    names = list(own or class_names or ())
    # TFDS checks labels when it writes them, but takes -1, and any of a plain integer.
    wrong = sorted({int(number) for number in numbers if not 0 <= number < len(names)})
    if wrong:
        raise ValueError(
            f"{full} has labels {', '.join(map(str, wrong[:10]))}, but there are {len(names)} "
            f"classes, 0 to {len(names) - 1} (-1 says that a split has no labels)"
        )
    if own is None or class_names is None or list(class_names) == names:
        return names, numbers
    classes = Classes(class_names)
    # The data set numbers its classes in its own order: each number becomes the given one.
    new_labels = [classes.label(name) for name in names]
    unknown = [repr(name) for name, label in zip(names, new_labels, strict=True) if label is None]
    if unknown:
        heading = (
            f"{full} has {len(unknown)} classes that are none of the {len(class_names)} class names"
        )
        raise ValueError(listed(heading, unknown))
    return class_names, np.array(new_labels, np.int32)[numbers]
