"""Recognises the model in a PyTorch state dict by its official names and its shapes.

The kind of model comes first, recognised by the names that only it has (`kind_of`). Then the few
tensors that tell its size are looked up (`_needed`), and the configuration is made of their shapes
(`recognise`). What no tensor shows, such as the number of heads, is in the settings next to the
file, or is taken as in OpenAI's CLIP. All other tensors are compared later, by `rules.convert`,
with the model that this configuration makes.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from ila_jax.config import CLIP_PIXELS, IMAGENET_PIXELS, ModelConfig
from ila_jax.sizes import SIZES, Arithmetic, Geometry
from ila_jax.text.templates import KINETICS, NAME
from ila_jax.weights.foreign.names import official
from ila_jax.weights.foreign.names.rules import Rule
from ila_jax.weights.foreign.settings.tables import Settings

# What official names can hold: CLIP alone, and the temporal models that have been released. A
# spatial model is CLIP with X-CLIP's heads: what `to_torch` writes of one.
Kind = Literal["clip", "spatial", "xclip", "ila"]

Shapes = Mapping[str, tuple[int, ...]]

_BLOCK = "visual.transformer.resblocks"
_ATTN = f"{_BLOCK}.0.message_attn"
_DROPOUT = 0.5  # the released linear head's, which no tensor shows
_CHANNELS = 256  # of the released ILA's interactive features; models without alignment need none
_FRAMES = 8  # of the released models; plain CLIP takes any number, and no tensor shows one

# What settings call the width within a part's MLPs → the first layer of one of them, and what the
# width is called that goes in. In all our models the MLPs are four times as wide inside.
_MLPS = {
    "mlp_width": (f"{_BLOCK}.0.mlp.c_fc.weight", "width"),
    "text_mlp_width": ("transformer.resblocks.0.mlp.c_fc.weight", "text_width"),
    "mit_mlp_width": ("mit.resblocks.0.mlp.c_fc.weight", "embed"),
}

_CLIP = official.IMAGE_TOWER + official.TEXT_TOWER + official.LOGIT_SCALE
_TEMPORAL: dict[str, list[Rule]] = {"spatial": [], "xclip": official.XCLIP}
# The temporal models with official names: those that were released in PyTorch.
OFFICIAL = ("clip", *_TEMPORAL, "ila")


def rules_of(config: ModelConfig, *, clip_only: bool = False) -> list[Rule]:
    """The rules for all official names of a model.

    clip_only: the rules for the names that CLIP has, whatever the model is.
    Errors: ValueError for a temporal model that was never released in PyTorch.
    """
    if clip_only or (config.temporal == "clip" and config.head == "text"):
        return _CLIP
    if config.temporal == "clip":
        raise ValueError("plain CLIP with a linear head has no official PyTorch form")
    if config.temporal not in OFFICIAL:
        raise ValueError(
            f"a model with {config.temporal!r} attention has no official PyTorch form: only "
            f"{', '.join(OFFICIAL)} have names to be converted to and from"
        )
    ila = official.ILA + official.ILA_INTERACTION[config.convolutions]
    head = (
        official.TEXT_TOWER + official.LOGIT_SCALE + official.PROMPTS
        if config.head == "text"
        else official.LINEAR_HEAD
    )
    temporal = _TEMPORAL.get(config.temporal, ila)
    return official.IMAGE_TOWER + official.MULTI_FRAME_INTEGRATION + head + temporal


def kind_of(shapes: Shapes) -> Kind:
    """The kind of model, recognised by names that no other kind has."""
    names = list(shapes)
    # In this order: ILA has X-CLIP's names as well, and X-CLIP the spatial model's.
    if any(".prediction_block." in name or ".interactive_block." in name for name in names):
        return "ila"
    if any(".message_attn." in name or ".message_fc." in name for name in names):
        return "xclip"
    return "spatial" if any(name.startswith("mit.") for name in names) else "clip"


def recognise(shapes: Shapes, settings: Settings | None = None) -> ModelConfig:
    """The configuration of the model that tensors of these official names and shapes make.

    CLIP alone becomes plain CLIP over frames, with CLIP's own pixels, and templates for videos.
    settings: what a configuration next to the tensors says; without one, the model computes as
    OpenAI's CLIP.
    Errors: ValueError naming the tensors that are needed to tell the size and are not in the file,
    or the settings that the tensors contradict.
    """
    kind = kind_of(shapes)
    text = kind == "clip" or "text_projection" in shapes
    _check_needed(shapes, _needed(kind, text=text))
    geometry, size = _geometry(shapes, settings, text=text)
    pixels = None if settings is None else settings.pixels
    return ModelConfig(
        size=size,
        shape=None if size in SIZES else geometry,
        temporal=kind,
        frames=_FRAMES if kind == "clip" else shapes["mit.positional_embedding"][1],
        head="text" if text else "linear",
        classes=None if text else shapes["mit.classify_head.2.weight"][0],
        # Only in Something-Something's form is the first layer of the interaction one convolution.
        convolutions="ssv2" if f"{_ATTN}.interactive_block.0.weight" in shapes else "k400",
        channels=shapes[f"{_ATTN}.prediction_block.0.weight"][1] if kind == "ila" else _CHANNELS,
        dropout=_DROPOUT,
        precision="float32",
        # The released video models were trained with ImageNet's normalisation.
        pixels=pixels or (CLIP_PIXELS if kind == "clip" else IMAGENET_PIXELS),
        templates=KINETICS if kind == "clip" else NAME,
    )


def _needed(kind: Kind, *, text: bool) -> dict[str, int]:
    """The tensors that tell a model's size, and how many axes each has."""
    needed = {"visual.conv1.weight": 4, "visual.positional_embedding": 2, "visual.proj": 2}
    if kind != "clip":
        needed["mit.positional_embedding"] = 3
    if kind == "ila":
        needed[f"{_ATTN}.prediction_block.0.weight"] = 4
    if text:
        return needed | {"positional_embedding": 2, "token_embedding.weight": 2}
    return needed | {"mit.classify_head.2.weight": 2}


def _check_needed(shapes: Shapes, needed: Mapping[str, int]) -> None:
    """Errors: ValueError listing those that are missing or of another rank, with a hint."""
    problems = [
        f"{name}: expected {rank} axes, found " + (str(list(shapes[name])) if name in shapes
        else "no such tensor")
        for name, rank in needed.items()
        if len(shapes.get(name, ())) != rank
    ]  # fmt: skip
    if problems:
        raise ValueError(
            "these weights are of no ILA, X-CLIP or CLIP model that is known here; to tell its "
            "size:\n  " + "\n  ".join(problems) + f"\n{_hint(shapes)}"
        )


def _hint(shapes: Shapes) -> str:
    """What the weights may be instead, in a sentence."""
    # From the special to the general: the last lines would fit the first cases as well.
    names = list(shapes)
    if not names:
        return "There is no tensor in it at all."
    if any(re.match(r"visual\.(layer\d|attnpool)\.", name) for name in names):
        return "It is a CLIP with a ResNet image tower: only those with a ViT (B/32, …) fit."
    if "visual.conv1.weight" in names and all(name.startswith("visual.") for name in names):
        return "It is the image tower of a CLIP alone: the whole model is needed."
    if {"conv1.weight", "class_embedding", "ln_pre.weight"} <= set(names):
        return "It is the image tower of a CLIP alone, without visual.: the whole model is needed."
    if any(name.endswith("token_embedding.weight") for name in names) and not any(
        name.startswith(("visual.", "vision_model.")) for name in names
    ):
        return "It is the text tower of a CLIP alone: the whole model is needed."
    if any("bert" in name for name in names):
        return "It looks like a BERT, a model of text alone."
    if any(name.startswith("text.transformer.") for name in names):
        return "It is an open_clip model with a text tower of its own, which is not CLIP's."
    first = ", ".join(sorted(names)[:3])
    return (
        "Expected the official names, such as the `model` entry of a released checkpoint; "
        f"found {len(names)} tensors: {first}, …"
    )


def _geometry(shapes: Shapes, settings: Settings | None, *, text: bool) -> tuple[Geometry, str]:
    """The shapes of the towers, and the name of a size that has all of them, or "custom".

    The text tower of a model with a linear head is whatever the size has, as nothing computes it.
    """
    width, _, patch, _ = shapes["visual.conv1.weight"]
    # A position for each patch of a square grid, and one for the class token.
    grid = round((shapes["visual.positional_embedding"][0] - 1) ** 0.5)
    image: dict[str, Any] = {
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
    if settings is not None:
        # Before the weights are converted: it is simpler to read which key is wrong than which of
        # a hundred tensors. Without settings, all tensors that do not fit are listed instead.
        settings.check(_sizes(shapes, image))
        _check_mlps(shapes, image)
    image |= dict.fromkeys(("image", "text", "mit", "prompts"), Arithmetic())
    image |= _fresh_parts(image["embed"]) if kind_of(shapes) == "clip" else {}
    # The settings last, as they know better than what OpenAI's CLIP computes with.
    image |= {} if settings is None else settings.arithmetic
    for name, geometry in SIZES.items():
        if all(getattr(geometry, key) == value for key, value in image.items()):
            return geometry, name
    return Geometry(**{"text_width": image["embed"], "text_depth": 1, **image}), "custom"


def _fresh_parts(embed: int) -> dict[str, Arithmetic]:
    """How the parts that start fresh around CLIP compute: with heads that divide its embedding."""
    arithmetic = Arithmetic(head_width=math.gcd(embed, Arithmetic.head_width))
    return {"mit": arithmetic, "prompts": arithmetic}


def _sizes(shapes: Shapes, towers: Mapping[str, int]) -> dict[str, Any]:
    """The sizes that a configuration repeats, by the names in `settings.tables.TensorSize`."""
    sizes: dict[str, Any] = {**towers, "kind": kind_of(shapes)}
    sizes |= {name: shapes[mlp][0] for name, (mlp, _) in _MLPS.items() if shapes.get(mlp)}
    if "mit.positional_embedding" in shapes:
        sizes["frames"] = shapes["mit.positional_embedding"][1]
    return sizes


def _check_mlps(shapes: Shapes, towers: Mapping[str, int]) -> None:
    """Errors: ValueError for MLPs that are not four times as wide, as those of ViT-g and ViT-bigG.

    Widths that are not in `towers` are of parts that these weights do not have.
    """
    for mlp, width in _MLPS.values():
        if shapes.get(mlp) and width in towers and shapes[mlp][0] != 4 * towers[width]:
            raise ValueError(
                f"{mlp} is {list(shapes[mlp])}: expected {4 * towers[width]} rows, four times the "
                "width, between the two layers of an MLP, as all models here have; ViT-g and "
                "ViT-bigG have others, and do not fit"
            )


def _depth(shapes: Shapes, prefix: str) -> int:
    """The number of blocks below a prefix."""
    matches = [re.match(re.escape(prefix) + r"\.(\d+)\.", name) for name in shapes]
    # One more than the highest number, and not their count: a gap is then reported as missing.
    return 1 + max((int(match[1]) for match in matches if match), default=-1)
