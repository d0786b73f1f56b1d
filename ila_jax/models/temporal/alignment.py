"""Interactive points and masks as pure functions (models.md 7a, 4 to 6 and 9)."""

import jax.numpy as jnp
from einops import rearrange
from jaxtyping import Array, Float

from ila_jax.models.own_gradients import pairs
from ila_jax.shapes import Scalar

# The released profile of a mask: flat within 0.25 of the point, then falling by 1.5 a unit.
_FLAT = 0.25
_SLOPE = 1.5


def profile(
    point: Float[Array, "*m"], grid: int, noise: Scalar | None, width: float = 1.0
) -> Float[Array, "*m g"]:
    """A mask along one axis: f of the distances between a point's coordinate and the grid's lines.

    The lines are linspace(−1, 1, g). noise: ρ; the mean over the point moved by −ρ, 0 and ρ, as in
    training. None in inference. width: of the released masks' width.
    """
    lines = jnp.linspace(-1, 1, grid, dtype=point.dtype)
    if noise is not None:
        # Masks are averaged, not points: that widens a mask without moving its middle.
        jitter = noise * jnp.asarray([-1, 0, 1], point.dtype)
        moved = point[..., None] + jitter.reshape((1,) * point.ndim + (3,))
        return profile(moved, grid, None, width).mean(axis=-2)
    distance = jnp.abs(lines.reshape((1,) * point.ndim + (-1,)) - point[..., None]) / width
    falling = jnp.maximum(0.0, 1 - _SLOPE * (distance - _FLAT))
    return jnp.where(distance <= _FLAT, 1.0, falling)


def mask(
    point: Float[Array, "*m 2"], grid: int, noise: Scalar | None, width: float = 1.0
) -> Float[Array, "*m g g"]:
    """The mask around a point (x, y): rows are y, columns are x.

    noise, width: as in `profile`. The mask is a product over the axes, so that the mean over the
    nine points (x, y) + ρ·{−1, 0, 1}² is the product of the two means over three.
    """
    # The point is (x, y), and the map is [rows, columns]: y comes first there.
    x = profile(point[..., 0], grid, noise, width)
    y = profile(point[..., 1], grid, noise, width)
    return y[..., :, None] * x[..., None, :]


def per_frame(previous: Float[Array, "b s *m"], current: Float[Array, "b s *m"]) -> Array:
    """What the T − 1 pairs give each of the T frames, [b, t, *m]: the released form.

    Frame t is the previous frame of pair t and the current one of pair t − 1. It takes the mean of
    both, and at either end of the clip the only one.
    """
    inner = (previous[:, 1:] + current[:, :-1]) / 2
    return jnp.concatenate([previous[:, :1], inner, current[:, -1:]], axis=1)


def one_a_frame(previous: Float[Array, "b s *m"], current: Float[Array, "b s *m"]) -> Array:
    """The same in the paper's form (models.md 7b): one mask for each frame, and no means.

    The first frame takes that of pair 1, frame t that of pair t − 1, whose current frame it is.
    """
    return jnp.concatenate([previous[:, :1], current], axis=1)


def alignment_loss(
    previous: Float[Array, "b s g g"],
    current: Float[Array, "b s g g"],
    u: Float[Array, "b t g g d"],
) -> Scalar:
    """1 − cos between the masked sums of neighbouring frames, the mean over clips and pairs.

    previous, current: the masks of each pair. u: the maps that were aligned.
    """
    # In float32 or wider: bfloat16 would round at each of the many steps of a sum over a map.
    wide = jnp.promote_types(u.dtype, jnp.float32)
    u = u.astype(wide)
    u_previous, u_current = pairs(u)
    first = jnp.einsum("bsij,bsijd->bsd", previous.astype(wide), u_previous)
    second = jnp.einsum("bsij,bsijd->bsd", current.astype(wide), u_current)
    return (1 - cosine(first, second)).mean()


def cosine(a: Float[Array, "*m d"], b: Float[Array, "*m d"]) -> Float[Array, "*m"]:
    """Cosine similarity with PyTorch's guard against zero vectors, |a|, |b| ≥ 1e-8: 0 for those."""
    smallest = 1e-16  # of the squared norms, so that the gradient of the root stays finite
    squared_a, squared_b = (jnp.maximum((x * x).sum(-1), smallest) for x in (a, b))
    return (a * b).sum(-1) / jnp.sqrt(squared_a * squared_b)


def neighbours(u: Float[Array, "b t g g d"]) -> Float[Array, "m g g d2"]:
    """Each pair of neighbouring frames on channels, the earlier first: m = b·(t − 1), d2 = 2d."""
    return rearrange(jnp.concatenate(pairs(u), axis=-1), "b s h w c -> (b s) h w c")
