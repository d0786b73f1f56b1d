"""Makes a recognizer: with fresh weights, or around the weights of another model."""

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

    size: the size of CLIP's towers, one of `ila_jax.sizes.SIZES`. temporal: the temporal model,
    such as "xclip". frames: the number of frames in a clip. classes: the number of classes of the
    linear head; None for the text head. seed: seed for newly initialised parameters. convolutions:
    the form of ILA's convolutions; by default the one that was released with the head, k400 with
    the text head and ssv2 with the linear one.
    pretrained: weights of CLIP or of a video model; what they do not hold starts fresh.
    interpolate: whether position embeddings are interpolated for another number of frames or
    another resolution. reset_head: whether a linear head for another number of classes is replaced
    by a newly initialised one.
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
        # channels and dropout are those of the released models (models.md 7a and 9).
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


def around(source: Recognizer, config: ModelConfig, *, allow: Allow, seed: int) -> Recognizer:
    """A model of the configuration with the weights of another recognizer.

    It keeps the class names where the number of classes is the same.
    seed: seed for newly initialised parameters.
    Errors: ValueError naming every property and every tensor that does not fit.
    """
    if source.config.temporal == config.temporal:
        # A model of ours may have other interactive channels than the released one; and the same
        # model of the same weights looks at pixels and texts as they were learnt.
        kept = ["channels", "pixels", "templates"]
        # What a linear head's logits mean goes with the head.
        kept += ["probabilities"] if config.head == source.config.head == "linear" else []
        config = dataclasses.replace(config, **{k: getattr(source.config, k) for k in kept})
    adapted, _ = adapt(
        source.config, source.variables, source.origin, config, allow=allow, seed=seed
    )
    names = source.class_names if config.classes == source.config.classes else None
    # What adapt makes lies on the host.
    return on_device(Recognizer(adapted.config, adapted.variables, names, adapted.origin))
