"""The released models' cases: weights from names, inputs, expected outputs."""

import functools
import json
from pathlib import Path

import numpy as np

from ila_jax.recognizer import Recognizer
from ila_jax.weights.state_dict import from_torch
from tests.golden import weights

_HERE = Path(__file__).parent
# case: (pixels, vocabulary, frames, classes, batch), from the goldens' README.
_SHAPES = {
    "ila_k400_tiny": (112, 512, 4, 5, 3),
    "ila_ssv2_tiny": (112, 512, 4, 5, 3),
    "ila_k400_tiny16": (96, 512, 6, 7, 2),
    "xclip_tiny": (112, 512, 4, 5, 3),
    "xclip_b32_8f": (224, 49408, 8, 10, 2),
    "ila_k400_b32_8f": (224, 49408, 8, 10, 2),
}
TINY = [name for name in _SHAPES if "tiny" in name]


def state(case: str) -> dict[str, np.ndarray]:
    """The official state dict of a case."""
    manifest = json.loads((_HERE / f"manifest_{case}.json").read_text())
    return {name: weights.tensor(name, shape) for name, shape in manifest.items()}


@functools.cache
def recognizer(case: str) -> Recognizer:
    return from_torch(state(case))


def video(case: str) -> np.ndarray:
    """[b, t, h, w, 3], normalised."""
    pixels, _, frames, _, batch = _SHAPES[case]
    return weights.clip(batch, frames, pixels).transpose(0, 1, 3, 4, 2)


def tokens(case: str) -> np.ndarray | None:
    """Token ids of the text head, None for a linear head."""
    _, vocabulary, _, classes, _ = _SHAPES[case]
    return None if "ssv2" in case else weights.tokens(classes, vocab=vocabulary)


def targets(case: str) -> np.ndarray:
    """Smoothed targets of the training pass, [b, k]."""
    _, _, _, classes, batch = _SHAPES[case]
    return (0.9 * np.eye(classes)[np.arange(batch) % classes] + 0.1 / classes).astype(np.float32)


def expected(case: str) -> dict[str, np.ndarray]:
    with np.load(_HERE / f"expected_{case}.npz") as file:
        return dict(file)
