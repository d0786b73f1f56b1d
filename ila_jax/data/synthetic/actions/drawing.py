"""Frames of a clip: the room, then all that stands in it, from the far edge to the near one."""

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import UInt8

from ila_jax.data.synthetic.actions.perspective import on_screen, size_at
from ila_jax.data.synthetic.actions.play import Place
from ila_jax.data.synthetic.actions.scene import Scene
from ila_jax.data.synthetic.actions.sprites import Affine, Sprite, chained, lay, placed
from ila_jax.data.synthetic.actions.take import Take
from ila_jax.data.synthetic.actions.things import Thing

PAINTED = 0.58  # depth beyond which nothing is done: what stands still there is part of the room
SHOULDER = 2.5  # how far the arms reach, in scene units: beyond the picture

# What is drawn: its depth, the picture, and its map to the scene.
Layer = tuple[float, Sprite, Affine]


class Drawing:
    """The frames of a clip, each drawn when it is asked for."""

    def __init__(self, scene: Scene, take: Take) -> None:
        self._scene, self._take = scene, take
        idle = [(scene.things[role], place) for role, place in take.idle.items()]
        still = [layer for item, at in [*scene.bystanders, *idle] for layer in _standing(item, at)]
        self._before = [layer for layer in still if layer[0] <= PAINTED]
        self._room = scene.picture.copy()
        _lay_all(self._room, scene.to_pixels, [layer for layer in still if layer[0] > PAINTED])

    def __len__(self) -> int:
        return len(self._take.camera)

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        return map(self.frame, range(len(self)))

    def frame(self, number: int) -> UInt8[np.ndarray, "h w 3"]:
        """One frame, counted from 0."""
        camera = self._take.camera[number]
        room_to_frame = chained(camera, cv2.invertAffineTransform(self._scene.to_pixels))
        picture = cv2.warpAffine(
            self._room, room_to_frame, self._scene.size, borderMode=cv2.BORDER_REPLICATE
        )
        _lay_all(picture, camera, [*self._before, *self._moving(number)])
        return self._take.light(picture, number)

    def _moving(self, number: int) -> Iterator[Layer]:
        scene, motion = self._scene, self._take.motion
        for item, places in self._take.extras:
            yield from _standing(item, places[number])
        for name, places in motion.places.items():
            if name in scene.things:
                yield from _standing(scene.things[name], places[number])
            else:
                pose = int(motion.poses[name][number])
                yield _arm(scene.hands[name][pose], scene.along_arm(name, SHOULDER), places[number])


def _standing(item: Thing, place: Place) -> Iterator[Layer]:
    """A thing and its shadow on the table, which is smaller the higher the thing is."""
    x, height, depth = place
    size = size_at(depth)
    below = placed(on_screen(np.array([x, 0, depth])), size * (1 - min(height, 0.5)), 0)
    # As if it were farther: a shadow falls on the table, and over nothing that stands there.
    yield depth + 0.04, item.shadow, below
    yield depth, item.picture, placed(on_screen(place), size, 0)


def _arm(sprite: Sprite, shoulder: tuple[float, float], place: Place) -> Layer:
    """A hand at a place, at the end of an arm that comes from a shoulder."""
    x, y = on_screen(place)
    turn = float(np.arctan2(shoulder[0] - x, y - shoulder[1]))
    return place[2], sprite, placed((x, y), size_at(place[2]), turn)


def _lay_all(picture: UInt8[np.ndarray, "h w 3"], to_pixels: Affine, layers: list[Layer]) -> None:
    """Lays all over a picture, the farthest first."""
    for _, sprite, to_scene in sorted(layers, key=lambda layer: -layer[0]):
        lay(picture, sprite, chained(to_pixels, to_scene))
