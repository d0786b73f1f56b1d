"""The section `model` of a configuration, as frozen dataclasses, and its named values."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from ila_jax.sizes import SIZES, Geometry

Precision = Literal["bfloat16", "float32", "float64"]


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """What R, G and B, on the scale 0 to 255, are normalised with: (value - mean) / std."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


# Of ImageNet: what the released ILA and X-CLIP were trained with (training.md, "pixels").
IMAGENET_PIXELS = Normalisation(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
# Of CLIP's own preprocessing: 255 times (0.48145466, 0.4578275, 0.40821073) and (0.26862954,
# 0.26130258, 0.27577711).
CLIP_PIXELS = Normalisation(
    mean=(122.7709383, 116.7460125, 104.09373615), std=(68.5005327, 66.6321579, 70.32316305)
)


@dataclass(frozen=True, kw_only=True)
class PointsConfig:
    """Where ILA's interactive points can be, and how wide the masks around them are.

    reach: how far from the frame's middle a point can be, as a share of the way to the edge.
    mask_width: of the released masks' width.
    """

    reach: float
    mask_width: float


# models.md 7a, 4 and 5.
RELEASED_POINTS = PointsConfig(reach=0.75, mask_width=1.0)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A recognizer: an image tower, a temporal model in its blocks, and a head.

    size: a name in `sizes.py`. shape: of towers that have no name there. patch, resolution: in
    pixels; None takes the size's. temporal: name of the temporal model, in `models/variants.py`.
    frames: of a clip. classes: of the linear head; None with the text head, whose classes are its
    class names. convolutions: which of the released forms of the interactive block. channels: of
    the interactive features (256 in the released models). dropout: before the linear head's last
    layer (0.5 in the released model). mit_positions: whether multi-frame integration adds a
    position to each frame; without them only the blocks can learn order. remat: what a block of the
    image tower computes again in the backward pass instead of keeping: nothing, all but its matrix
    products, or everything. pixels: what frames are normalised with. templates: the texts of a
    class, each with {} where its name goes; with several, the class is the mean of their unit
    features. points: of the models that align. probabilities: whether they are shared out among
    classes that exclude each other, or each class has its own, of a clip in which none or several
    may be.
    """

    size: str
    temporal: str
    frames: int
    head: Literal["text", "linear"]
    classes: int | None
    convolutions: Literal["k400", "ssv2"]
    channels: int
    dropout: float
    precision: Precision
    patch: int | None = None
    resolution: int | None = None
    shape: Geometry | None = None
    # As the released models have it.
    mit_positions: bool = True
    # The quickest; the others are for models that do not fit otherwise (docs/how-to/memory.md).
    remat: Literal["none", "dots", "block"] = "none"
    pixels: Normalisation = IMAGENET_PIXELS
    templates: tuple[str, ...] = ("{}",)
    probabilities: Literal["softmax", "sigmoid"] = "softmax"
    points: PointsConfig = RELEASED_POINTS

    def geometry(self) -> Geometry:
        """The shapes of the towers, after overrides. Errors: ValueError."""
        if self.shape is None and self.size not in SIZES:
            raise ValueError(f"model.size is {self.size!r}: expected one of {', '.join(SIZES)}")
        changes: dict[str, Any] = {"patch": self.patch, "resolution": self.resolution}
        return dataclasses.replace(
            self.shape or SIZES[self.size], **{k: v for k, v in changes.items() if v is not None}
        )
