"""Which videos a split has, with which labels, as hashes that two machines or two runs compare.

Files on disk hold all three, so what is hashed never changes.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from ila_jax.data.class_names.classes import composed


def fingerprint(ids: Sequence[str], labels: np.ndarray) -> str:
    """A number for which videos there are, with which labels: sha256, its first 16 digits.

    It is the same on any machine, a Mac as well, and for any folder and order, and another one with
    any other video. ids: of every video. labels: as of `ground_truth`, [n] or [n, k].
    """
    pairs = zip(ids, _written(labels), strict=True)
    # Composed: a Mac's folders spell é in two characters. Sorted: folders have no order.
    return _sha256(sorted(f"{composed(name)}\t{label}\n" for name, label in pairs))[:16]


def ordered_fingerprint(ids: Sequence[str], labels: np.ndarray) -> str:
    """The sha256 of ids and labels in their order: of results that know a video by its place.

    labels: as of `ground_truth`. Evaluations keep its first 16 digits, features all 64.
    """
    pairs = zip(ids, _written(labels), strict=True)
    return _sha256(f"{name}\t{label}\n" for name, label in pairs)


def prepared_fingerprint(ids: Sequence[str], labels: np.ndarray) -> str:
    """The sha256 of ids and labels in their order that a folder of prepared videos is begun with.

    labels: int32 [n].
    """
    # Not a tab, as elsewhere: folders have been prepared with this hash since the first version.
    pairs = zip(ids, labels.tolist(), strict=True)
    return _sha256(f"{name}\0{label}\n" for name, label in pairs)


def _written(labels: np.ndarray) -> Iterable[int | str]:
    """Each video's label as it is hashed: its number, or the numbers of all its classes."""
    if labels.ndim == 1:
        numbers: list[int] = labels.tolist()
        return numbers
    return [";".join(map(str, np.flatnonzero(row).tolist())) for row in labels]


def _sha256(lines: Iterable[str]) -> str:
    """Of text, in hexadecimal. Names of files may hold bytes that are no UTF-8: they are kept."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", errors="surrogateescape"))
    return digest.hexdigest()
