"""The sizes of CLIP's two towers (models.md 1)."""

from dataclasses import dataclass
from typing import Literal

Activation = Literal["quick_gelu", "gelu", "gelu_tanh"]


# Frozen, as all that a model is built from: jit takes configurations as static arguments.
@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """What a transformer computes with and its tensors do not show; by default, as OpenAI's CLIP.

    head_width: channels of one attention head. eps: added to the variance in layer norms
    (PyTorch's default; flax's is 1e-6). activation: between the two layers of an MLP.
    Errors: ValueError for a width or an eps out of range.
    """

    head_width: int = 64
    eps: float = 1e-5
    activation: Activation = "quick_gelu"

    def __post_init__(self) -> None:
        if self.head_width <= 0:
            raise ValueError(f"head_width is {self.head_width}: expected a positive number")
        if not 0 < self.eps < 1:
            raise ValueError(f"eps is {self.eps}: expected a small positive number, such as 1e-5")


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Shapes of an image tower and its text tower, and what they compute with.

    patch, resolution: sides of a patch and of a frame, in pixels. width, depth: of the image tower.
    embed: width of the joint embedding. vocabulary, context: of CLIP's tokenizer, in tokens.
    image, text, mit, prompts: the arithmetic of the image tower with the temporal layers in it, of
    the text tower, of multi-frame integration, and of the layers that make prompts.
    Errors: ValueError for sizes that do not divide each other.
    """

    patch: int
    resolution: int
    width: int
    depth: int
    embed: int
    text_width: int
    text_depth: int
    vocabulary: int = 49408
    context: int = 77
    image: Arithmetic = Arithmetic()
    text: Arithmetic = Arithmetic()
    mit: Arithmetic = Arithmetic()
    prompts: Arithmetic = Arithmetic()

    def __post_init__(self) -> None:
        for name in ("patch", "resolution", "depth"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: expected a positive number")
        if self.resolution % self.patch:
            raise ValueError(
                f"resolution {self.resolution} is no multiple of the patch size {self.patch}: "
                f"choose {self.resolution // self.patch * self.patch} or "
                f"{(self.resolution // self.patch + 1) * self.patch} pixels, or another patch"
            )
        for part, name in _WIDTHS.items():
            width, head = getattr(self, name), getattr(self, part).head_width
            if width % head:
                raise ValueError(
                    f"{name} {width} is no multiple of {head}, the width of one attention head"
                    + (f" ({part}.head_width)" if head != Arithmetic.head_width else "")
                )

    @property
    def grid(self) -> int:
        """Patches along one side of a frame."""
        return self.resolution // self.patch


# The parts of a model with arithmetic of their own, and the width that each computes at.
_WIDTHS = {"image": "width", "mit": "embed", "prompts": "embed", "text": "text_width"}

SIZES: dict[str, Geometry] = {
    # Small enough to learn motion from scratch in minutes on two cores.
    "tiny": Geometry(
        patch=4, resolution=32, width=64, depth=2, embed=64, text_width=64, text_depth=2
    ),
    # CLIP's own, by their papers' names: a base or large ViT, and the side of its patches.
    "B/32": Geometry(
        patch=32, resolution=224, width=768, depth=12, embed=512, text_width=512, text_depth=12
    ),
    "B/16": Geometry(
        patch=16, resolution=224, width=768, depth=12, embed=512, text_width=512, text_depth=12
    ),
    "L/14": Geometry(
        patch=14, resolution=224, width=1024, depth=24, embed=768, text_width=768, text_depth=12
    ),
    # The same as L/14, which CLIP trained on at 336 pixels: more patches, and so more positions.
    "L/14@336": Geometry(
        patch=14, resolution=336, width=1024, depth=24, embed=768, text_width=768, text_depth=12
    ),
}
