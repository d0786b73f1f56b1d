"""What the clips of one source video share: room, things, hands, camera and file settings."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from ila_jax.data.synthetic.actions.actions import HANDS
from ila_jax.data.synthetic.actions.background import background
from ila_jax.data.synthetic.actions.hands import hand_in_poses
from ila_jax.data.synthetic.actions.play import Place
from ila_jax.data.synthetic.actions.sprites import Affine, Sprite
from ila_jax.data.synthetic.actions.things import COVERS, OCCLUDERS, SMALL, Thing, thing

# Width and height of videos, in pixels; even, as H.264 wants them.
SIZES = ((160, 120), (176, 144), (192, 144), (208, 156), (224, 126), (240, 136), (240, 180))
RATES = (10, 12, 15, 20, 24, 25, 30)  # frames a second
KEY_FRAMES = (12, 48, 250)  # one every so many
QUALITIES = (23, 26, 29)  # x264's constant rate factors
DETAIL = 1.25  # pixels of a thing's picture to a pixel of the frame
ARM = (np.deg2rad(10), np.deg2rad(65))
DISTRACTORS = (2, 5)
CORNERED = 0.4  # of the scenes have something in the foreground


@dataclass(frozen=True)
class Scene:
    """A source video, without what is done in it.

    size: width and height in pixels. picture: the room, somewhat larger than the frame, under the
    map to_pixels from scene units. things: by role, and hands by name and pose. bystanders:
    things that nobody touches, and where they are. arms: the angle under which each arm comes into
    the picture, in radians above the horizontal. camera: shares of shake, pan and zoom. quality:
    x264's constant rate factor.
    """

    size: tuple[int, int]
    rate: int
    key_frames: int
    quality: int
    picture: UInt8[np.ndarray, "h w 3"]
    to_pixels: Affine
    things: dict[str, Thing]
    hands: dict[str, dict[int, Sprite]]
    bystanders: list[tuple[Thing, Place]]
    arms: dict[str, float]
    camera: tuple[float, float, float]

    def along_arm(self, hand: str, distance: float) -> tuple[float, float]:
        """x and y of a point on the line from the table to a shoulder, in scene units.

        distance: from where the hand is at work, on the hand's side of the table.
        """
        side = -1 if hand == HANDS[0] else 1
        x = side * (0.2 + distance * float(np.cos(self.arms[hand])))
        return x, 0.15 - distance * float(np.sin(self.arms[hand]))

    @property
    def half_width(self) -> float:
        """From the middle of the frame to its side, in scene units."""
        return self.size[0] / min(self.size) / 2


def scene(seed: int, group: int) -> Scene:
    """The source video of a number."""
    rng = np.random.default_rng([seed, 1, group])
    size = SIZES[rng.integers(len(SIZES))]
    half = size[0] / min(size) / 2
    picture, to_pixels = background(rng, size)
    scale = DETAIL * min(size)
    roles = {
        "target": thing(rng, SMALL, (0.17, 0.24), scale),
        "partner": thing(rng, SMALL, (0.17, 0.24), scale),
        "cover": thing(rng, COVERS, (0.31, 0.36), scale, ratio=(0.85, 1.0)),
        "occluder": thing(rng, OCCLUDERS, (0.36, 0.43), scale),
    }
    # The hands of one person are alike.
    poses = hand_in_poses(rng, scale)
    return Scene(
        size=size,
        rate=int(rng.choice(RATES)),
        key_frames=int(rng.choice(KEY_FRAMES)),
        quality=int(rng.choice(QUALITIES)),
        picture=picture,
        to_pixels=to_pixels,
        things=roles,
        hands=dict.fromkeys(HANDS, poses),
        bystanders=_bystanders(rng, half, scale),
        arms={hand: rng.uniform(*ARM) for hand in HANDS},
        camera=tuple(rng.uniform(0, 1, 3) * (rng.random(3) < 0.75)),
    )


def _bystanders(
    rng: np.random.Generator, half_width: float, scale: float
) -> list[tuple[Thing, Place]]:
    """Things at the back of the table, and sometimes one in a near corner."""
    rows = [
        (thing(rng, SMALL, (0.1, 0.28), scale), (rng.uniform(-1, 1) * half_width, 0, depth))
        for depth in rng.uniform(0.75, 1.0, rng.integers(*DISTRACTORS))
    ]
    if rng.random() < CORNERED:
        corner = rng.choice((-1, 1)) * rng.uniform(0.8, 1.0) * half_width
        rows.append((thing(rng, SMALL, (0.25, 0.4), scale), (corner, 0, -0.3)))
    return [(item, np.array(place, float)) for item, place in rows]
