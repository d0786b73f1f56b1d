"""Cropping and resizing on the host: uint8 [T, H, W, 3] to uint8 [T, H', W', 3].

Resizing is OpenCV's bilinear without antialiasing, as the official weights were trained with. All
of it is done in bytes: what needs floating point, such as normalising, is left to the device.
"""

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np


@dataclass(frozen=True)
class ShortSide:
    """Resizes so that the short side has this many pixels; the long side is rounded half up.

    pixel_aspect: width to height of the pixels before; those after it are square.
    """

    pixels: int
    pixel_aspect: Fraction | int = 1

    def __call__(self, video: np.ndarray) -> np.ndarray:
        """The resized video, uint8 [T, H', W', 3]."""
        height, width = self.sides(*video.shape[1:3])
        return resize(video, height=height, width=width)

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """The height and width, in pixels, of what a video of this height and width becomes."""
        # Integers and fractions: a side rounded in floating point may differ by a pixel from one
        # machine to another.
        wide = width * self.pixel_aspect
        short = min(height, wide)
        return (
            (2 * height * self.pixels + short) // (2 * short),
            (2 * wide * self.pixels + short) // (2 * short),
        )

    def frame(self, image: np.ndarray) -> np.ndarray:
        """One frame resized as a video is: uint8 [H, W, 3] to [H', W', 3]."""
        resized: np.ndarray = self(image[None])[0]
        return resized


@dataclass(frozen=True)
class CentreCrop:
    """The square of `size` pixels in the middle. Errors: ValueError for a smaller video."""

    size: int

    def __call__(self, video: np.ndarray) -> np.ndarray:
        """The middle of every frame: a view, uint8 [T, size, size, 3]."""
        height, width = video.shape[1:3]
        if min(height, width) < self.size:
            raise ValueError(
                f"a centre crop of {self.size} pixels of a video of {width}x{height}: "
                "resize it first, with ShortSide"
            )
        top, left = self.corner(height, width)
        return video[:, top : top + self.size, left : left + self.size]

    def corner(self, height: int, width: int) -> tuple[int, int]:
        """The top and left of the square, in a video of this height and width."""
        return (height - self.size) // 2, (width - self.size) // 2


@dataclass(frozen=True)
class SpreadCrops:
    """`crops` squares of `size` pixels along the long side, the first at its beginning.

    They lie ⌊(L - size) / (crops - 1)⌋ pixels apart, as the three of the released code do. A single
    one is the middle.
    """

    size: int
    crops: int

    def __call__(self, video: np.ndarray) -> list[np.ndarray]:
        """The crops in their order, each a view: uint8 [T, size, size, 3]."""
        if self.crops == 1:
            return [CentreCrop(self.size)(video)]
        height, width = video.shape[1:3]
        long = max(height, width)
        # Rounded down, as released: the last crop may end up to crops - 2 pixels before the edge.
        step = (long - self.size) // (self.crops - 1)
        parts = [slice(j * step, j * step + self.size) for j in range(self.crops)]
        strips = [video[:, :, part] if width == long else video[:, part] for part in parts]
        return [CentreCrop(self.size)(strip) for strip in strips]


@dataclass(frozen=True)
class MultiScaleCrop:
    """TSN's corner crop with scale jitter (fix_crop, without more_fix_crop), one box a clip.

    The short side becomes 256·size/224. Width and height of the box are drawn from `scales` of
    the short side, at most one step of the list apart; the box lies at a corner or in the middle;
    the crop is resized to size x size.
    """

    size: int
    scales: tuple[float, ...]

    def __call__(self, video: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The same random box of every frame, resized: uint8 [T, size, size, 3]."""
        video = ShortSide(short_side(self.size))(video)
        height, width = video.shape[1:3]
        # One draw for the sides and one for the place, in this order: the order is part of what a
        # seed means, and a released run must be repeatable.
        pairs = self.pairs(min(height, width))
        box_width, box_height = pairs[rng.integers(len(pairs))]
        corners = positions(width - box_width, height - box_height)
        left, top = corners[rng.integers(len(corners))]
        crop = video[:, top : top + box_height, left : left + box_width]
        return resize(crop, height=self.size, width=self.size)

    def pairs(self, short: int) -> list[tuple[int, int]]:
        """The (width, height) that a box can have, all equally likely: 10 for 4 scales."""
        sides = [int(short * scale) for scale in self.scales]
        # As TSN has it: less than 3 pixels from the target becomes the target, and that crop needs
        # no resizing.
        sides = [min(self.size, short) if abs(s - self.size) < 3 else s for s in sides]
        return [(w, h) for i, w in enumerate(sides) for j, h in enumerate(sides) if abs(i - j) <= 1]


def positions(free_width: int, free_height: int) -> list[tuple[int, int]]:
    """The (left, top) of a box at four corners and in the middle, on TSN's grid of whole quarters.

    free_width, free_height: by how many pixels the picture is larger than the box.
    """
    # Quarters are rounded down before they are multiplied, as in TSN: the right and lower corners
    # lie up to 3 pixels before the edge.
    x, y = free_width // 4, free_height // 4
    return [(0, 0), (4 * x, 0), (0, 4 * y), (4 * x, 4 * y), (2 * x, 2 * y)]


def short_side(size: int) -> int:
    """Short side before cropping: 256 for 224 pixels, and in proportion, rounded half up."""
    return (2 * 256 * size + 224) // (2 * 224)


def resize(video: np.ndarray, *, height: int, width: int) -> np.ndarray:
    """Bilinear, frame by frame: uint8 [T, H, W, 3] to [T, height, width, 3]."""
    if video.shape[1:3] == (height, width):
        return video
    out = np.empty((len(video), height, width, 3), np.uint8)
    for frame, resized in zip(video, out, strict=True):
        cv2.resize(frame, (width, height), dst=resized, interpolation=cv2.INTER_LINEAR)
    return out
