"""Which features of a TFDS data set are the encoded video, its class, and its id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Where several features could be it, the first of these names is; where one could, any name is.
_VIDEO = ("video", "video_bytes", "encoded_video", "clip", "mp4", "webm", "bytes")
_LABEL = ("label", "class", "target", "category")
_ID = ("id", "video_id", "youtube_id", "key", "name", "filename", "file_name", "path")


@dataclass(frozen=True)
class TfdsFields:
    """The names of the features that are read.

    id: None where there is none. class_names: of the label, None where it is a plain integer.
    """

    video: str
    label: str
    id: str | None
    class_names: Sequence[str] | None


def find_fields(data_set: str, features: Mapping[str, Any]) -> TfdsFields:
    """Which features of a data set are read, found by type, and by name where types leave a choice.

    data_set: what it is called, in an error. features: by their names, as TFDS describes them.
    Errors: ValueError that lists the features there are.
    """
    scalars = {name: f for name, f in features.items() if getattr(f, "shape", None) == ()}
    strings = [name for name, f in scalars.items() if _kind(f) in "OSU"]
    # Encoded videos are scalars of bytes, which TFDS also has for text: a Text is a video only by
    # its name.
    texts = [name for name in strings if _is(scalars[name], "Text")]
    encoded = [name for name in strings if name not in texts or name in _VIDEO]
    named = [name for name, f in scalars.items() if _is(f, "ClassLabel")]
    numbers = [name for name, f in scalars.items() if _kind(f) in "iu"]
    video = _choose(encoded, _VIDEO)
    # An integer may count frames: a ClassLabel comes first, and names its classes.
    label = _choose(named, _LABEL) or _choose(numbers, _LABEL)
    problems = []
    if video is None:
        problems.append("no feature with encoded videos: expected one scalar of bytes, `video`")
    if label is None:
        problems.append("no label: expected one ClassLabel, or an integer called `label`")
    if problems or video is None or label is None:
        listing = "".join(
            f"\n  {name}: {' '.join(repr(f).split())}" for name, f in sorted(features.items())
        )
        raise ValueError(f"{data_set} has {' and '.join(problems)}; found{listing or ' nothing'}")
    return TfdsFields(
        video=video,
        label=label,
        id=next((name for name in _ID if name in strings and name != video), None),
        class_names=features[label].names if label in named else None,
    )


def _kind(feature: Any) -> str:
    """NumPy's letter of a scalar feature's type: O for bytes and text, i and u for integers."""
    kind: str = np.dtype(feature.np_dtype).kind
    return kind


def _choose(candidates: Sequence[str], names: Sequence[str]) -> str | None:
    """The only candidate, or of several the one with the first of the names; else None."""
    if len(candidates) == 1:
        return candidates[0]
    return next((name for name in names if name in candidates), None)


def _is(feature: Any, kind: str) -> bool:
    """Whether a feature is of a TFDS class, without importing TFDS for its name."""
    return any(cls.__name__ == kind for cls in type(feature).__mro__)
