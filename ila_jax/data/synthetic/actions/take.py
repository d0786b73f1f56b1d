"""One clip of a source video: what is done in it, and what else moves."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from ila_jax.data.synthetic.actions.actions import HANDS, ROLES, perform
from ila_jax.data.synthetic.actions.camera import camera_maps
from ila_jax.data.synthetic.actions.light import Light
from ila_jax.data.synthetic.actions.perspective import off_screen
from ila_jax.data.synthetic.actions.play import Motion, Place, Play
from ila_jax.data.synthetic.actions.scene import DETAIL, Scene
from ila_jax.data.synthetic.actions.things import SMALL, Thing, thing

SECONDS = (2.0, 10.0)
RESTING = 0.25  # of the hands lie on the table while they do nothing
ROLLING = 0.25  # of the clips have something that moves by itself, far behind
BEYOND = 0.25  # short sides, how far outside a hand waits: no camera moves so far
PASSING = 0.15  # of the clips have something that passes before the camera


@dataclass(frozen=True)
class Take:
    """A clip, ready to be drawn.

    motion: of the hands and of the things of the scene. idle: where those things are that nobody
    touches, by role. extras: other things that move, with their places [f, 3]. camera: maps from
    scene units to pixels.
    """

    motion: Motion
    idle: dict[str, Place]
    extras: list[tuple[Thing, Float64[np.ndarray, "f 3"]]]
    camera: Float64[np.ndarray, "f 2 3"]
    light: Light


def take(seed: int, number: int, label: str, scene: Scene) -> Take:
    """The clip of a number, in a scene, of a class."""
    rng = np.random.default_rng([seed, 2, number])
    # All that is the same for every class comes first, so that no class has others of it.
    seconds = rng.uniform(*SECONDS)
    frames = round(seconds * scene.rate)
    camera = camera_maps(rng, scene.camera, scene.size, frames)
    light = Light(rng, scene.size, frames)
    extras = _extras(rng, scene, frames)
    outside = {hand: _outside(rng, hand, scene) for hand in HANDS}
    sizes = {role: item.size for role, item in scene.things.items()}
    play = Play(rng, sizes, outside)
    motion = perform(label, play, frames, seconds)
    return Take(motion, _idle(rng, motion), extras, camera, light)


def _idle(rng: np.random.Generator, motion: Motion) -> dict[str, Place]:
    """Places for things that stand by, behind all that is done.

    What is put down before one of them would seem to cover it: each stands as far as some random
    places allow from the others, and from where things are at the beginning and the end.
    """
    roles = [role for role in ROLES if role not in motion.places]
    moved = [places for name, places in motion.places.items() if name in ROLES]
    taken = [float(places[end, 0]) for places in moved for end in (0, -1)]
    idle = {}
    for role in roles:
        free = max(rng.uniform(-0.42, 0.42, 6), key=lambda x: min(abs(x - y) for y in taken))
        taken.append(free)
        idle[role] = np.array([free, 0, rng.uniform(0.6, 0.72)])
    return idle


def _outside(rng: np.random.Generator, hand: str, scene: Scene) -> Place:
    """Where a hand is while it does nothing: not in the picture, or at its edge on the table."""
    if rng.random() < RESTING:
        side = -1 if hand == HANDS[0] else 1
        return np.array([side * rng.uniform(0.42, 0.5), rng.uniform(0.02, 0.08), 0.1])
    # Along its arm, by the nearer of the picture's edges.
    across, up = np.cos(scene.arms[hand]), np.sin(scene.arms[hand])
    edge = min((scene.half_width - 0.2) / across, 0.65 / up)
    return off_screen(*scene.along_arm(hand, edge + BEYOND), depth=0.2)


def _extras(
    rng: np.random.Generator, scene: Scene, frames: int
) -> list[tuple[Thing, Float64[np.ndarray, "f 3"]]]:
    """Things that move by themselves: far behind, or before the camera."""
    scale = DETAIL * min(scene.size)
    extras = []
    if rng.random() < ROLLING:
        item = thing(rng, SMALL, (0.1, 0.16), scale)
        extras.append((item, _crossing(rng, scene, frames, rng.uniform(0.4, 1.0), 0.85)))
    if rng.random() < PASSING:
        item = thing(rng, ("box",), (1.4, 1.6), scale, ratio=(0.15, 0.35))
        extras.append((item, _crossing(rng, scene, frames, rng.uniform(0.15, 0.3), -1.0)))
    return extras


def _crossing(
    rng: np.random.Generator, scene: Scene, frames: int, share: float, depth: float
) -> Float64[np.ndarray, "f 3"]:
    """Places of what crosses the picture. share: of the clip that it takes."""
    start = rng.uniform(0, 1 - share)
    u = np.clip((np.linspace(0, 1, frames) - start) / share, 0, 1)
    # From outside to outside, wide as it may be.
    x = rng.choice((-1, 1)) * (2 * u - 1) * (scene.half_width + 0.9)
    return np.stack([x, np.zeros(frames), np.full(frames, depth)], 1)
