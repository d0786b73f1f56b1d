"""Loads the exported model in this folder. Needs jax, and flatbuffers, which jax.export reads with.

from load import load
logits = load()(video)  # uint8 [b, t, size, size, 3], RGB -> float32 [b, classes]
"""

# A copy of this file lies in every exported folder, so that it imports nothing of ila_jax.
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export


def load(folder: str | Path = Path(__file__).parent) -> Callable[[Any], Any]:
    """The model as a compiled function, for any number of clips. about.json names its classes."""
    # jax.export reads a bytearray, and no bytes.
    program = (Path(folder) / "model.stablehlo").read_bytes()
    call = jax.jit(export.deserialize(bytearray(program)).call)
    path = Path(folder) / "weights.npz"
    if not path.exists():
        return call
    # Once, and not at each call.
    weights = jax.device_put(dict(np.load(path)))
    return lambda video: call(weights, video)
