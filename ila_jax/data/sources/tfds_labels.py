"""Labels and ids of a TFDS split. Only whole elements can be read, so they are remembered."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ila_jax.data.sources.tfds_features import TfdsFields
from ila_jax.files.publish import publish_text


def read_labels(
    folder: str, split: str, elements: Sequence[Any], fields: TfdsFields
) -> tuple[np.ndarray, list[str]]:
    """(labels, int32 [n]; the id of every element, or its position where elements have none).

    Reads every element once, videos and all; from then on the answer lies in $XDG_CACHE_HOME or
    ~/.cache, until the data set is built anew.
    """
    cache = _cache(folder, split, fields)
    table = _remembered(cache, len(elements))
    if table is None:
        # All of an element, with its video: TFDS reads no single feature.
        labels, ids = [], []
        for index in tqdm(range(len(elements)), f"reading labels of {split}", delay=2):
            element = elements[index]
            labels.append(int(element[fields.label]))
            ids.append(_text(element[fields.id]) if fields.id else f"{split}/{index}")
        table = {"labels": labels, "ids": ids}
        _remember(cache, table)
    return np.array(table["labels"], np.int32), table["ids"]


def _cache(folder: str, split: str, fields: TfdsFields) -> Path:
    """A file that is another one once the data set is another one."""
    from etils import epath  # only needed for these, as TFDS is

    info = epath.Path(folder) / "dataset_info.json"
    # The time to the nanosecond, where the system has it: a folder can be built anew within the
    # second that a bucket's times are in.
    built = os.stat(info).st_mtime_ns if os.path.exists(info) else info.stat().mtime
    key = [folder, info.read_text(), built, split, fields.label, fields.id]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "ila_jax", "tfds_labels", f"{digest}.json")


def _remembered(cache: Path, count: int) -> dict[str, list[Any]] | None:
    """Labels and ids of so many elements, from a file; None where it does not hold them."""
    try:
        table: dict[str, list[Any]] = json.loads(cache.read_text())
        return table if len(table["labels"]) == len(table["ids"]) == count else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or cut short


def _remember(cache: Path, table: dict[str, list[Any]]) -> None:
    """Writes labels and ids to a file, where that is possible."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        publish_text(cache, json.dumps(table))
    except OSError:
        return  # no home to write to: read again next time


def _text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
