"""Writes the model card of an exported model: what it is, and what was measured on it.

The text at the end of this file is a template, filled from the model and from its `about.json`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ila_jax.recognizer import Origin, Recognizer, Views
from ila_jax.tables import literal

_NAMED = 20  # classes that the card names, for a reader; about.json has all of them


@dataclass(frozen=True)
class Parity:
    """The difference of the exported program from the model, both in float32.

    worst: the largest difference of a logit. largest: the largest logit, by amount. batches: the
    numbers of random clips that were compared. device: the kind of device that both ran on.
    """

    worst: float
    largest: float
    batches: tuple[int, ...]
    device: str

    def __str__(self) -> str:
        batches = " and ".join(map(str, self.batches))
        return (
            f"logits differ by {self.worst:.1e} at most, the largest being {self.largest:.3g}: "
            f"batches of {batches} random clips, on {self.device}"
        )


def card(
    recognizer: Recognizer, about: Mapping[str, Any], parity: Parity, *, usage: str, where: str
) -> str:
    """The card, in Markdown. about: what `about.json` says. parity: what was measured.

    usage: how the program is called, a template as the one below. where: the weights are.
    """
    config, classes = recognizer.config, about["classes"]
    geometry = config.geometry()
    # about.json is the source of what both say, so that they cannot differ.
    more = len(classes) - _NAMED
    names = [f"- {literal(name)}" for name in classes[:_NAMED]]
    return _TEXT.replace("{usage}", usage.strip()).format(
        checkpoint=about["checkpoint"],
        temporal=config.temporal,
        size=config.size,
        frames=config.frames,
        resolution=geometry.resolution,
        patch=geometry.patch,
        head=config.head,
        trained=config.precision,
        probabilities=config.probabilities,
        count=len(classes),
        names="\n".join(names + ([f"- … and {more} more, in about.json"] if more > 0 else [])),
        origin=origin_in_words(recognizer.origin),
        sha256=about["weights_sha256"],
        where=where,
        platforms=", ".join(about["platforms"]),
        views=views_in_words(recognizer.views),
        short_side=recognizer.views.short_side,
        parity=parity,
        jax=about["jax"],
    )


def origin_in_words(origin: Origin | None) -> str:
    """Where the weights came from, as the card says it."""
    if origin is None:
        return "a training run, or a model made by ila_jax"
    fresh = f"; {len(origin.fresh)} arrays of it started fresh" if origin.fresh else ""
    return f"converted from PyTorch weights of {origin.kind or 'an unknown kind'}{fresh}"


def views_in_words(views: Views) -> str:
    """Which clips and crops of a video the model is shown, with the formula of their frames."""
    recipe = views.recipe
    if recipe.stride is None:
        frames = "spread over the whole video: clip k of n takes frames ⌊(i + (k+½)/n)·F/T⌋ of F"
    else:
        frames = f"{recipe.stride} frames apart, the clips' starts spread over the video"
    return f"{views.clips} clips × {views.crops} crops, the frames of a clip {frames}"


_TEXT = """\
# {checkpoint}, exported

{usage}

| | |
|---|---|
| temporal model | {temporal} |
| size | {size}: patches of {patch} pixels, frames of {resolution} |
| frames of a clip | {frames} |
| head | {head} |
| computes in | float32 (the model was set to {trained}) |
| weights | in {where}; sha256 {sha256} |
| origin | {origin} |
| runs on | {platforms}; tried on the device below only |

## What it takes

RGB frames, decoded upright. The short side is resized to {short_side} pixels by OpenCV's bilinear
interpolation (INTER_LINEAR, no antialiasing), and squares of {resolution} pixels are cut out. A
video is {views}. Its class is the one with the highest mean of {probabilities}(logits) over these.

## Classes

{count}, in the order of the logits:

{names}

## Measured

Exported and compared with the model by jax {jax}: {parity}.

Not measured: accuracy, on any data. Nothing is known of how it does on videos unlike those that it
was trained on, nor of whom it serves worse than others.
"""
