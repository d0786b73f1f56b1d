"""Loads the exported model in this folder. Needs jax, and flatbuffers, which jax.export reads with.

from load import load
logits = load()(video)  # uint8 [b, t, size, size, 3], RGB -> float32 [b, classes]
"""

from pathlib import Path

import jax
import numpy as np
from jax import export


def load(folder=Path(__file__).parent):
    """The model as a compiled function, for any number of clips. about.json names its classes."""
    program = (Path(folder) / "model.stablehlo").read_bytes()
    call = jax.jit(export.deserialize(bytearray(program)).call)
    beside = Path(folder) / "weights.npz"
    if not beside.exists():
        return call
    weights = jax.device_put(dict(np.load(beside)))
    return lambda video: call(weights, video)
