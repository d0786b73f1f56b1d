"""Making a recognizer: from fresh weights, or around weights that are there."""

import dataclasses
from pathlib import Path
from typing import Literal

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.recognizer import Recognizer
from ila_jax.weights.adapt import Allow, adapt
from ila_jax.weights.folder import load
from ila_jax.weights.fresh import on_device


def create(
    size: str,
    temporal: str = "ila",
    frames: int = 8,
    head: Literal["text", "linear"] = "text",
    classes: int | None = None,
    seed: int = 0,
    *,
    convolutions: Literal["k400", "ssv2"] | None = None,
    pretrained: str | Path | None = None,
    interpolate: bool = False,
    reset_head: bool = False,
) -> Recognizer:
    """A recognizer in float32, fresh or with the weights of a folder that `load` takes.

    size: of CLIP's towers (`ila_jax.sizes.SIZES`). classes: of the linear head.
    convolutions: of ILA; by default the form released with the head: k400 with the text head,
    ssv2 with the linear one.
    pretrained: CLIP or a video model; what it does not hold starts fresh. interpolate: position
    embeddings, to another number of frames. reset_head: a fresh linear head where the sizes differ.
    Errors: ValueError for an unknown size or temporal model, classes that do not fit the head, or
    weights that do not fit the model.
    """
    if head not in ("text", "linear"):
        raise ValueError(f"head is {head!r}: expected text or linear")
    if (classes is None) != (head == "text"):
        raise ValueError(
            f"head {head!r} with classes={classes}: the linear head needs a number of classes, "
            "the text head takes class names or tokens instead"
        )
    config = ModelConfig(
        size=size,
        temporal=temporal,
        frames=frames,
        head=head,
        classes=classes,
        convolutions=convolutions or ("k400" if head == "text" else "ssv2"),
        channels=256,
        dropout=0.5,
        precision="float32",
    )
    if pretrained is None:
        return Recognizer(config, model.initialize(config, seed))
    allow = Allow(frames=interpolate, resolution=interpolate, reset_head=reset_head)
    return around(load(pretrained), config, allow=allow, seed=seed)


def around(there: Recognizer, config: ModelConfig, *, allow: Allow, seed: int) -> Recognizer:
    """A model with the weights of another, and its class names where they still hold.

    Errors: ValueError naming every property and every tensor that does not fit.
    """
    if there.config.temporal == config.temporal:
        # A model of ours may have other interactive channels than the released one; and the same
        # model of the same weights looks at pixels and texts as they were learnt.
        kept = ("channels", "pixels", "templates")
        config = dataclasses.replace(config, **{k: getattr(there.config, k) for k in kept})
    made, _ = adapt(there.config, there.variables, there.origin, config, allow=allow, seed=seed)
    names = there.class_names if config.classes == there.config.classes else None
    return on_device(Recognizer(made.config, made.variables, names, made.origin))
