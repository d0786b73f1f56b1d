"""Keeps a model's weights in one file of safetensors, under the paths that they have here.

`params/visual/…` and `batch_stats/visual/…` are the names of the arrays, in our order of axes.
Other libraries read the file as well; what the arrays mean is in the `model.json` beside it.
"""

import mmap
from pathlib import Path

import jax
import numpy as np

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.models.paths import by_path, from_paths
from ila_jax.weights.digest import digest
from ila_jax.weights.foreign.safetensors_file import read_safetensors, write_safetensors

FILE = "model.safetensors"


def write_weights(folder: Path, variables: Variables) -> None:
    """Writes the file into a folder, one array after the other. Errors: OSError."""
    # On the host one at a time, and not all at once.
    arrays = sorted(by_path(variables._asdict()).items())
    write_safetensors(folder / FILE, dict(arrays), form="ila_jax")


def read_weights(folder: Path, config: ModelConfig, sha256: str) -> Variables:
    """The weights in a folder's file, on one device. sha256: what `digest` gave for them.

    Errors: ValueError for a file that is damaged, or not of this model.
    """
    path = folder / FILE
    again = "Copy or fetch it again"
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        arrays = read_safetensors(mapped)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged: {error}. {again}") from error
    _check_arrays(path, arrays, config)
    device = jax.local_devices()[0]
    # Copied: what lies on a CPU would otherwise be the file itself, which may change.
    copies = {name: jax.device_put(np.array(array), device) for name, array in arrays.items()}
    variables = Variables(**({"params": {}, "batch_stats": {}} | from_paths(copies)))
    if digest(variables) != sha256:
        raise ValueError(f"{path} is not as it was written, by the sha256 in model.json. {again}")
    return variables


def _check_arrays(path: Path, arrays: dict[str, np.ndarray], config: ModelConfig) -> None:
    """Errors: ValueError where names, shapes or dtypes are not those of the model."""
    like = by_path(model.abstract(config)._asdict())
    wanted = {name: (x.shape, np.dtype(x.dtype)) for name, x in like.items()}
    here = {name: (x.shape, x.dtype) for name, x in arrays.items()}
    if other := sorted({name for name, _ in wanted.items() ^ here.items()}):
        raise ValueError(
            f"{path} does not fit its model.json: {len(other)} arrays are missing, left over or of "
            f"another shape, such as {other[0]}. Take both from the same place"
        )
