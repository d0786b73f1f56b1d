"""Which videos a split has, with which labels, as one number that two machines can compare."""

import hashlib
from collections.abc import Sequence

import numpy as np

from ila_jax.data.class_names.classes import composed


def fingerprint(ids: Sequence[str], labels: np.ndarray) -> str:
    """A number for which videos there are, with which labels: sha256, its first 16 digits.

    The same on any machine, a Mac as well, and for any folder and order; another one with any other
    video.
    """
    pairs = zip(ids, labels.tolist(), strict=True)
    lines = sorted(f"{composed(name)}\t{label}\n" for name, label in pairs)
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", errors="surrogateescape"))
    return digest.hexdigest()[:16]
