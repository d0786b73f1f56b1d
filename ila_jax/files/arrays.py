"""Files of named arrays (.npz) that bear their name only when they are whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ila_jax.files.publish import publish_on_disk


def publish_arrays(target: Path, arrays: Mapping[str, Any]) -> None:
    """Writes a file of arrays, as `publish_on_disk` does. Errors: OSError."""
    publish_on_disk(target, lambda scratch: np.savez(scratch, **arrays))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by their names, in memory. Errors: those of `numpy.load`."""
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
