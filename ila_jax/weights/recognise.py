"""From a PyTorch state dict to a Recognizer: which model it is, read off names and shapes."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ila_jax.config import ModelConfig
from ila_jax.models.model import abstract
from ila_jax.models.recognizer import Recognizer
from ila_jax.sizes import SIZES, Geometry
from ila_jax.weights import official
from ila_jax.weights.rules import Rule, convert

_BLOCK = "visual.transformer.resblocks"
_ALIGN = f"{_BLOCK}.0.message_attn"
_DROPOUT = 0.5  # of the released linear head; no tensor tells


def from_torch(
    state_dict: Mapping[str, np.ndarray], class_names: Sequence[str] | None = None
) -> Recognizer:
    """A recognizer from official names to arrays, in float32.

    Size, form, head, frames and classes are read off the shapes. class_names: of the text head.
    Errors: ValueError listing every tensor that is missing, unknown or of another shape.
    """
    config = recognise({name: np.shape(value) for name, value in state_dict.items()})
    variables = convert(state_dict, rules_of(config), abstract(config), waived=official.WAIVED)
    return Recognizer(config, variables, class_names)


def rules_of(config: ModelConfig) -> list[Rule]:
    """The rules for all official names of a model."""
    head = (
        official.TEXT_TOWER + official.TEXT_HEAD if config.head == "text" else official.LINEAR_HEAD
    )
    return (
        official.IMAGE_TOWER
        + official.MULTI_FRAME_INTEGRATION
        + head
        + official.ILA
        + official.ILA_INTERACTION[config.convolutions]
    )


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> ModelConfig:
    """The model that tensors of these names and shapes make.

    Errors: ValueError naming the tensors without which it cannot be told.
    """
    text = "text_projection" in shapes
    needed = {
        "visual.conv1.weight": 4,
        "visual.positional_embedding": 2,
        "visual.proj": 2,
        "mit.positional_embedding": 3,
        f"{_ALIGN}.prediction_block.0.weight": 4,
    }
    needed |= (
        {"positional_embedding": 2, "token_embedding.weight": 2}
        if text
        else {"mit.classify_head.2.weight": 2}
    )
    problems = [
        f"{name}: expected {rank} axes, found " + (str(list(shapes[name])) if name in shapes
        else "no such tensor")
        for name, rank in needed.items()
        if len(shapes.get(name, ())) != rank
    ]  # fmt: skip
    if problems:
        raise ValueError(
            "these weights are of no ILA model that is known here; to tell its size:\n  "
            + "\n  ".join(problems)
            + "\nExpected the official names, such as the `model` entry of a released checkpoint."
        )
    geometry, size = _geometry(shapes, text=text)
    return ModelConfig(
        size=size,
        shape=None if size in SIZES else geometry,
        temporal="ila",
        frames=shapes["mit.positional_embedding"][1],
        head="text" if text else "linear",
        classes=None if text else shapes["mit.classify_head.2.weight"][0],
        convolutions="ssv2" if f"{_ALIGN}.interactive_block.0.weight" in shapes else "k400",
        channels=shapes[f"{_ALIGN}.prediction_block.0.weight"][1],
        dropout=_DROPOUT,
        precision="float32",
    )


def _geometry(shapes: Mapping[str, tuple[int, ...]], *, text: bool) -> tuple[Geometry, str]:
    """The towers' shapes, and the name of the size or "custom".

    The text tower of a model with a linear head is whatever its size has: nothing reads it.
    """
    width, _, patch, _ = shapes["visual.conv1.weight"]
    grid = round((shapes["visual.positional_embedding"][0] - 1) ** 0.5)
    image = {
        "patch": patch,
        "resolution": patch * grid,
        "width": width,
        "depth": _depth(shapes, _BLOCK),
        "embed": shapes["visual.proj"][1],
    }
    if text:
        context, text_width = shapes["positional_embedding"]
        image |= {
            "text_width": text_width,
            "text_depth": _depth(shapes, "transformer.resblocks"),
            "vocabulary": shapes["token_embedding.weight"][0],
            "context": context,
        }
    for name, known in SIZES.items():
        if all(getattr(known, key) == value for key, value in image.items()):
            return known, name
    return Geometry(**{"text_width": image["embed"], "text_depth": 1, **image}), "custom"


def _depth(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> int:
    """Blocks below a prefix: one more than the highest number, so that a gap shows as missing."""
    numbers = [re.match(re.escape(prefix) + r"\.(\d+)\.", name) for name in shapes]
    return 1 + max((int(found[1]) for found in numbers if found), default=-1)
