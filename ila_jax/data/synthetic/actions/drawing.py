"""Frames of a clip: the room, then all that stands in it, from the far edge to the near one."""

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import UInt8

from ila_jax.data.synthetic.actions.play import Place
from ila_jax.data.synthetic.actions.scene import Scene
from ila_jax.data.synthetic.actions.sprites import Affine, Sprite, chained, lay, placed
from ila_jax.data.synthetic.actions.take import Take
from ila_jax.data.synthetic.actions.things import Thing

NEAR, STEEP = 0.36, 0.34  # y of the table's near edge, and from there to the far one
SMALLER = 0.22  # things are at the far edge
# Nearer than all that moves nothing can be painted into the room.
PAINTED = 0.58

# What is drawn: its depth, the picture, and its map to the scene.
Layer = tuple[float, Sprite, Affine]


def draw(scene: Scene, take: Take) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The frames of a clip, one after the other."""
    room, standing = _room(scene, take)
    for frame in range(take.frames):
        camera = take.camera[frame]
        # From the room's pixels to the frame's.
        back = cv2.invertAffineTransform(scene.to_pixels)
        picture = cv2.warpAffine(
            room, chained(camera, back), scene.size, borderMode=cv2.BORDER_REPLICATE
        )
        layers = [*standing, *_moving(scene, take, frame)]
        for _, sprite, to_scene in sorted(layers, key=lambda layer: -layer[0]):
            lay(picture, sprite, chained(camera, to_scene))
        yield take.light(picture, frame)


def on_screen(place: Place) -> tuple[float, float]:
    """x and y, downwards, of a place in scene units from the middle of the picture."""
    x, height, depth = place
    return float(x), float(NEAR - STEEP * depth - height * _size(depth))


def _size(depth: float) -> float:
    return 1 - SMALLER * depth


def _room(scene: Scene, take: Take) -> tuple[np.ndarray, list[Layer]]:
    """The room with all that stands still behind, and layers of what stands still before."""
    idle = [(scene.things[role], place) for role, place in take.idle.items()]
    layers = [layer for item, place in [*scene.bystanders, *idle] for layer in _both(item, place)]
    room = scene.picture.copy()
    for depth, sprite, to_scene in sorted(layers, key=lambda layer: -layer[0]):
        if depth > PAINTED:
            lay(room, sprite, chained(scene.to_pixels, to_scene))
    return room, [layer for layer in layers if layer[0] <= PAINTED]


def _moving(scene: Scene, take: Take, frame: int) -> list[Layer]:
    layers: list[Layer] = []
    for item, places in take.extras:
        layers += _both(item, places[frame])
    for name, places in take.motion.places.items():
        if name in scene.things:
            layers += _both(scene.things[name], places[frame])
        else:
            pose = int(take.motion.poses[name][frame])
            layers.append(_arm(scene, name, places[frame], pose))
    return layers


def _both(item: Thing, place: Place) -> list[Layer]:
    """A thing and its shadow on the table, which is smaller the higher the thing is."""
    x, height, depth = place
    size = _size(depth)
    below = placed(on_screen(np.array([x, 0, depth])), size * (1 - min(height, 0.5)), 0)
    # A shadow is drawn before everything that stands where it falls.
    return [
        (depth + 0.04, item.shadow, below),
        (depth, item.picture, placed(on_screen(place), size, 0)),
    ]


def _arm(scene: Scene, hand: str, place: Place, pose: int) -> Layer:
    x, y = on_screen(place)
    to_x, to_y = scene.shoulders[hand]
    turn = float(np.arctan2(to_x - x, y - to_y))
    return place[2], scene.hands[hand][pose], placed((x, y), _size(place[2]), turn)
