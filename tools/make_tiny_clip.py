"""Makes the weights that the trial of docs/how-to/finetune.md starts from: a small image tower.

    python tools/make_tiny_clip.py --output weights/tiny_clip

No weights of CLIP can be had without a network, so this stands in their place: a tower of two
blocks that sees one frame at a time, 64 pixels a side. It learns from pictures of actions with
objects (`ila_jax.data.synthetic.actions`, scenes of another seed) to tell where hands and things
are, and knows nothing of actions or of the order of frames.
"""

import argparse
import dataclasses
import functools
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from ila_jax import cli
from ila_jax.config import ModelConfig
from ila_jax.data.synthetic.actions.actions import HANDS, ROLES
from ila_jax.data.synthetic.actions.drawing import Drawing
from ila_jax.data.synthetic.actions.perspective import on_screen
from ila_jax.data.synthetic.actions.plan import CLASSES
from ila_jax.data.synthetic.actions.play import CLOSED
from ila_jax.data.synthetic.actions.scene import Scene, scene
from ila_jax.data.synthetic.actions.take import Take, take
from ila_jax.models import model
from ila_jax.models.forward import pixels
from ila_jax.models.model import Variables
from ila_jax.models.paths import by_path, from_paths
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save

SEED = 2  # the trial's own scenes have seed 0
TAKES, FRAMES = 4, 6  # of a scene, and of a take
SIDE, PATCH = 64, 8  # pixels
BATCH, LR, WARMUP = 64, 2e-3, 200
# CLIP's embedding has 512 channels. The tower's 64 are turned into them by an orthonormal map, so
# that a head behind it is as wide as behind CLIP.
NARROW, EMBED = 64, 512
AWAY = 9.0  # a coordinate that no picture has


class Pictures(NamedTuple):
    """Pictures, and what is where in them, as shares of a side from the upper left corner.

    image: uint8 [n, 64, 64, 3]. hands: [n, 2, 3], x, y, and whether it holds something. things: [n,
    2, 2], x and y of what is moved.
    """

    image: np.ndarray
    hands: np.ndarray
    things: np.ndarray

    def mirrored(self) -> "Pictures":
        """The same, left and right exchanged."""
        across = np.array([-1, 1, 1]), np.array([1, 0, 0])
        hands = self.hands * across[0] + across[1]
        return Pictures(self.image[:, :, ::-1], hands, self.things * across[0][:2] + across[1][:2])


class Targets(NamedTuple):
    """What the tower is asked. places: x and y of the left- and the rightmost hand [n, 4].

    flags: any hand, two hands, one that holds something [n, 3]. thing: x and y [n, 2]. near: of
    each patch, whether a hand or a thing is there [n, p, 2].
    """

    places: Any
    flags: Any
    thing: Any
    near: Any


def draw(scenes: int) -> Pictures:
    """Pictures of so many scenes."""
    with get_context("spawn").Pool(2) as pool:
        drawn = list(tqdm(pool.imap(_of_scene, range(scenes)), "drawing", scenes, unit="scene"))
    return Pictures(*(np.concatenate(parts) for parts in zip(*drawn, strict=True)))


def _of_scene(group: int) -> Pictures:
    shared = scene(SEED, group)
    rows = []
    for number in range(group * TAKES, (group + 1) * TAKES):
        rng = np.random.default_rng([SEED, 9, number])
        shot = take(SEED, number, CLASSES[rng.integers(len(CLASSES))], shared)
        drawing = Drawing(shared, shot)
        rows += [
            _picture(shared, shot, drawing, int(k))
            for k in rng.choice(len(drawing), FRAMES, replace=False)
        ]
    return Pictures(*(np.stack(column) for column in zip(*rows, strict=True)))


def _picture(shared: Scene, shot: Take, drawing: Drawing, number: int) -> Pictures:
    """One picture, without the first axis: the middle of a frame."""
    width, height = shared.size
    side = min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    middle = drawing.frame(number)[top : top + side, left : left + side]
    motion = shot.motion

    def on_frame(name: str) -> list[float]:
        x, y = shot.camera[number] @ np.array([*on_screen(motion.places[name][number]), 1])
        return [(x - left) / side, (y - top) / side]

    hands = [[*on_frame(hand), motion.poses[hand][number] == CLOSED] for hand in HANDS]
    moved = [on_frame(role) for role in ROLES if role in motion.places][:2]
    moved += [[AWAY, AWAY]] * (2 - len(moved))
    return Pictures(
        cv2.resize(middle, (SIDE, SIDE), interpolation=cv2.INTER_AREA),
        np.array(hands, np.float32),
        np.array(moved, np.float32),
    )


def targets(pictures: Pictures) -> Targets:
    """What there is to tell of pictures."""
    hands, things = pictures.hands, pictures.things
    x, y, holds = np.moveaxis(hands, 2, 0)
    visible = np.asarray((np.abs(hands[..., :2] - 0.5) < 0.53).all(2))
    leftmost = np.where(visible, x, AWAY).argmin(1)
    rightmost = np.where(visible, x, -AWAY).argmax(1)
    rows = np.arange(len(x))
    ends = [x[rows, leftmost], y[rows, leftmost], x[rows, rightmost], y[rows, rightmost]]
    flags = [visible.any(1), visible.all(1), (visible & (holds > 0.5)).any(1)]
    middles = (np.arange(SIDE // PATCH) + 0.5) * PATCH / SIDE
    grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
    near = [
        (np.abs(places[:, :, None, :2] - grid).max(-1) < 0.1).any(1) for places in (hands, things)
    ]
    columns = [np.stack(ends, 1), np.stack(flags, 1), np.clip(things[:, 0], 0, 1),
               np.stack(near, -1)]  # fmt: skip
    return Targets(*(column.astype(np.float32) for column in columns))


def config() -> ModelConfig:
    """The model of the tower. Its head lets the patches out, and is not trained."""
    return ModelConfig(
        size="tiny", patch=PATCH, resolution=SIDE, temporal="spatial", frames=2, head="text",
        classes=None, convolutions="k400", channels=32, dropout=0.0, precision="float32",
    )  # fmt: skip


def loss(params: Any, rest: Variables, image: jax.Array, wanted: Targets) -> jax.Array:
    """How far the tower is from telling what is where. image: uint8 [b, h, w, 3]."""
    variables = Variables(rest.params | {"visual": params["tower"]}, rest.batch_stats)
    tokens = model.tower_tokens(config(), variables, pixels(config(), image[:, None]))
    c = jax.nn.standardize(tokens.class_tokens[:, 0], axis=-1)
    answers = c @ params["read"] + params["read_bias"]
    patches = tokens.patch_tokens[:, 0] @ params["patch"] + params["patch_bias"]
    flags = optax.sigmoid_binary_cross_entropy(answers[:, 4:7], wanted.flags)
    near = optax.sigmoid_binary_cross_entropy(patches, wanted.near)
    # Where no hand is seen, its place is not asked. The factors make the four about as large.
    places = wanted.flags[:, :1] * (answers[:, :4] - wanted.places) ** 2
    thing = (answers[:, 7:9] - wanted.thing) ** 2
    return 20 * places.mean() + flags.mean() + 10 * thing.mean() + 3 * near.mean()


def trained(pictures: Pictures, steps: int) -> Variables:
    """A tower after so many steps."""
    both = pictures, pictures.mirrored()
    wanted = [targets(side) for side in both]
    rest = model.initialize(config(), 0)
    keys = jax.random.split(jax.random.key(1))
    params = {
        "tower": rest.params["visual"],
        "read": 0.02 * jax.random.normal(keys[0], (NARROW, 9)),
        "read_bias": jnp.zeros((1, 9)),
        "patch": 0.02 * jax.random.normal(keys[1], (NARROW, 2)),
        "patch_bias": jnp.full((1, 1, 2), -3.0),  # few patches have a hand
    }
    schedule = optax.warmup_cosine_decay_schedule(0, LR, WARMUP, max(steps, WARMUP + 1), LR / 200)
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=0.01)
    )
    state, rng = optimizer.init(params), np.random.default_rng(0)

    @jax.jit
    def step(params: Any, state: Any, image: Any, wanted: Targets) -> tuple[Any, Any, jax.Array]:
        value, gradients = jax.value_and_grad(functools.partial(loss, rest=rest))(
            params, image=image, wanted=wanted
        )
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state, value

    with tqdm(total=steps, unit="step") as bar:
        for _ in range(steps):
            some, side = rng.integers(0, len(pictures.image), BATCH), rng.integers(2)
            light = rng.uniform(0.7, 1.3, (BATCH, 1, 1, 3))
            image = np.clip(both[side].image[some] * light, 0, 255).astype(np.uint8)
            rows = Targets(*(column[some] for column in wanted[side]))
            params, state, value = step(params, state, image, rows)
            bar.update()
            bar.set_postfix_str(f"loss {float(value):.3f}", refresh=False)
    return Variables(rest.params | {"visual": params["tower"]}, rest.batch_stats)


def widened(tower: Variables) -> Recognizer:
    """The tower with CLIP's embedding, and a linear head that has learnt nothing."""
    shape = dataclasses.replace(config().geometry(), embed=EMBED)
    wide = dataclasses.replace(
        config(), size="tiny CLIP", shape=shape, patch=None, resolution=None, head="linear",
        classes=2,
    )  # fmt: skip
    fresh = model.initialize(wide, 0)
    leaves = by_path(fresh.params) | {
        path: x for path, x in by_path(tower.params).items() if path.startswith("visual/")
    }
    square = np.random.default_rng(0).standard_normal((EMBED, NARROW))
    orthonormal = np.linalg.qr(square)[0].T.astype(np.float32)
    leaves["visual/projection/kernel"] = leaves["visual/projection/kernel"] @ orthonormal
    return Recognizer(
        wide, jax.device_get(Variables(from_paths(leaves), fresh.batch_stats)), ["none", "other"]
    )


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", metavar="DIR", type=cli.some_path, required=True,
                        help="folder of weights to make")  # fmt: skip
    parser.add_argument("--scenes", type=int, default=450, metavar="N",
                        help="of each, 24 pictures are drawn (default: %(default)s)")  # fmt: skip
    parser.add_argument("--steps", type=int, default=4000, metavar="N",
                        help="of training (default: %(default)s)")  # fmt: skip
    args = parser.parse_args()
    save(widened(trained(draw(args.scenes), args.steps)), Path(args.output))


if __name__ == "__main__":
    main()
