"""The sizes of CLIP's two towers (models.md 1)."""

from dataclasses import dataclass

_HEAD_WIDTH = 64  # CLIP: as many attention heads as the width holds times 64


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Shapes of an image tower and its text tower.

    patch, resolution: in pixels; width, depth: of the image tower; embed: of the joint embedding.
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
        for name in ("width", "embed", "text_width"):
            if getattr(self, name) % _HEAD_WIDTH:
                raise ValueError(
                    f"{name} {getattr(self, name)} is no multiple of {_HEAD_WIDTH}, "
                    "the width of one attention head"
                )

    @property
    def grid(self) -> int:
        """Patches along one side of a frame."""
        return self.resolution // self.patch


def heads(width: int) -> int:
    """The number of attention heads at a width: one per 64 channels, in every tower of CLIP."""
    return width // _HEAD_WIDTH


SIZES: dict[str, Geometry] = {
    # Small enough to learn motion from scratch in minutes on two cores.
    "tiny": Geometry(
        patch=4, resolution=32, width=64, depth=2, embed=64, text_width=64, text_depth=2
    ),
    "B/32": Geometry(
        patch=32, resolution=224, width=768, depth=12, embed=512, text_width=512, text_depth=12
    ),
    "B/16": Geometry(
        patch=16, resolution=224, width=768, depth=12, embed=512, text_width=512, text_depth=12
    ),
    "L/14": Geometry(
        patch=14, resolution=224, width=1024, depth=24, embed=768, text_width=768, text_depth=12
    ),
    "L/14@336": Geometry(
        patch=14, resolution=336, width=1024, depth=24, embed=768, text_width=768, text_depth=12
    ),
}
