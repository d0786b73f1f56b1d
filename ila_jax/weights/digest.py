"""Computes one number that two models share only if they have the same weights."""

import hashlib

import numpy as np

from ila_jax.models.model import Variables
from ila_jax.models.paths import by_path


def digest(variables: Variables) -> str:
    """sha256 over the paths, shapes, dtypes and bytes of all arrays, in hexadecimal."""
    hashed = hashlib.sha256()
    # In the order of the paths, so that it does not matter in which order a tree was built.
    for path, x in sorted(by_path(variables._asdict()).items()):
        host = np.ascontiguousarray(x)
        hashed.update(f"{path} {host.shape} {host.dtype}\n".encode())
        # An empty array has no buffer that can be hashed.
        hashed.update(host.data if host.size else b"")
    return hashed.hexdigest()
