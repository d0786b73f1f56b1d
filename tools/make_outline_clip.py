"""Makes the weights of `--config alignment:ila_pretrained`: a tower that knows objects' names.

    python tools/make_outline_clip.py --output weights/outline_clip

CLIP has learnt from pictures and their captions what is in a picture, before a temporal model is
put into it. This tower has learnt the same on the scale of the motion pairs: from still pictures
of one to four objects, and the names of those that are in each. It has never seen a motion.
"""

import argparse
import functools
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from ila_jax import cli
from ila_jax.config import ModelConfig, from_config, read_config
from ila_jax.data.synthetic import looks
from ila_jax.data.synthetic.scattered import EDGE, EXTENT
from ila_jax.models import model
from ila_jax.models.forward import pixels
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save

NAMES = ("L", "arrow", "wedge", "hammer", "flag")  # in the order of `looks.OUTLINES`
SEED = 2  # motion pairs are of seed 0
DRAWN, SIDE = 64, 32  # pixels: of a frame as it is drawn, and as the tower sees it
BATCH, LR, WARMUP = 64, 1e-3, 200


class Pictures(NamedTuple):
    """Still pictures, uint8 [n, 32, 32, 3], and the names of what is in them, float [n, names]."""

    image: Any
    shown: Any


def draw(count: int) -> Pictures:
    """So many pictures of objects that are anywhere in the frame."""
    drawn = [_picture(number) for number in tqdm(range(count), "drawing", unit="picture")]
    return Pictures(*(np.stack(column) for column in zip(*drawn, strict=True)))


def _picture(number: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([SEED, 5, number])
    size = (DRAWN, DRAWN)
    frame = looks.background(rng, size, np.zeros((1, 2)), reach=0)
    shown = np.zeros(len(NAMES), np.float32)
    for _ in range(rng.integers(1, 5)):
        kind = int(rng.integers(len(NAMES)))
        corners = looks.bent(rng, np.array(looks.OUTLINES[kind]))
        scale = DRAWN * rng.uniform(*EXTENT)
        x, y = rng.uniform(EDGE * DRAWN + scale / 2, (1 - EDGE) * DRAWN - scale / 2, (2, 1))
        placement = looks.placed(np.array([scale]), rng.uniform(0, 2 * np.pi, 1), x, y)
        frame = looks.over(frame, looks.layers(looks.sprite(rng, corners), placement, size))
        shown[kind] = 1
    return cv2.resize(frame[0], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), shown


def config() -> ModelConfig:
    """The model of the tower: that of the study, without anything between frames."""
    return from_config(read_config("alignment:spatial")).model


def loss(params: Any, rest: Variables, image: jax.Array, shown: jax.Array) -> jax.Array:
    """Of pictures and names, each pair by itself as in SigLIP: is the name in the picture?"""
    variables = Variables(rest.params | {"visual": params["tower"]}, rest.batch_stats)
    tokens = model.tower_tokens(config(), variables, pixels(config(), image[:, None]))
    features = _unit(tokens.class_tokens[:, 0])
    logits = jnp.exp(params["scale"])[None] * (features @ _unit(params["names"]).T)
    return optax.sigmoid_binary_cross_entropy(logits + params["bias"][None], shown).mean()


def _unit(x: jax.Array) -> jax.Array:
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def trained(pictures: Pictures, steps: int) -> Variables:
    """A tower after so many steps."""
    rest = model.initialize(config(), SEED)
    width = config().geometry().embed
    names = jax.random.normal(jax.random.key(SEED), (len(NAMES), width))
    # CLIP's temperature at the start, ln 10 in SigLIP; the bias of names that are mostly absent.
    start = {"scale": jnp.full(1, np.log(10)), "bias": jnp.full(len(NAMES), -0.5)}
    params = {"tower": rest.params["visual"], "names": names} | start
    schedule = optax.warmup_cosine_decay_schedule(0, LR, WARMUP, max(steps, WARMUP + 1), LR / 100)
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=0.01)
    )
    state, rng = optimizer.init(params), np.random.default_rng(SEED)

    @jax.jit
    def step(params: Any, state: Any, image: Any, shown: Any) -> tuple[Any, Any, jax.Array]:
        value, gradients = jax.value_and_grad(functools.partial(loss, rest=rest))(
            params, image=image, shown=shown
        )
        updates, state = optimizer.update(gradients, state, params)
        return optax.apply_updates(params, updates), state, value

    with tqdm(total=steps, unit="step") as bar:
        for _ in range(steps):
            some = rng.integers(0, len(pictures.image), BATCH)
            params, state, value = step(params, state, pictures.image[some], pictures.shown[some])
            bar.update()
            bar.set_postfix_str(f"loss {float(value):.3f}", refresh=False)
    return Variables(rest.params | {"visual": params["tower"]}, rest.batch_stats)


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", metavar="DIR", type=cli.some_path, required=True,
                        help="folder of weights to make")  # fmt: skip
    parser.add_argument("--pictures", type=int, default=12000, metavar="N",
                        help="that are drawn (default: %(default)s)")  # fmt: skip
    parser.add_argument("--steps", type=int, default=3000, metavar="N",
                        help="of training (default: %(default)s)")  # fmt: skip
    args = parser.parse_args()
    variables = jax.device_get(trained(draw(args.pictures), args.steps))
    names = [f"class {k}" for k in range(config().classes or 0)]
    save(Recognizer(config(), variables, names), Path(args.output))


if __name__ == "__main__":
    main()
