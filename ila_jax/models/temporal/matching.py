"""ATA's matching of patches between frames, as pure functions (models.md 5)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from einops import repeat
from jax import export
from jax.experimental.buffer_callback import Buffer, ExecutionContext, buffer_callback
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int


def similarities(z: Float[Array, "b t p d"]) -> Float[Array, "b s p p"]:
    """S_t = ẑ_t ẑ_{t+1}ᵀ of the unit tokens of neighbouring frames, in float32 or wider.

    z: the patches of a clip. No gradient passes, as the matching that they are for has none.
    """
    # Widened first: products of many channels decide which of nearly equal patches match.
    z = jax.lax.stop_gradient(z).astype(jnp.promote_types(z.dtype, jnp.float32))
    z = z / jnp.linalg.norm(z, axis=-1, keepdims=True)
    return jnp.einsum("bspd,bsqd->bspq", z[:, :-1], z[:, 1:])


def matched(similarity: Float[Array, "b s p p"]) -> Int[Array, "b s p"]:
    """σ: for each patch its partner in the next frame, maximising the summed similarity.

    Matching against the frame as it is or against the already aligned one only permutes rows of
    the cost, so the chain need not be serial. scipy solves it on the host, which is faster than the
    device from 49 patches on (growth.md). Under `jax.set_mesh` each device's clips are
    solved where they are; otherwise several devices' are gathered to one. An exported model leaves
    this process and cannot call back: it solves on the device.
    """
    # Only exported models have a number of clips that is a symbol.
    if export.is_symbolic_dim(similarity.shape[0]):
        return matched_on_device(similarity)
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return _on_host(similarity)
    clips = PartitionSpec(mesh.axis_names)
    return jax.shard_map(_on_host, in_specs=clips, out_specs=clips)(similarity)


def _on_host(similarity: Float[Array, "b s p p"]) -> Int[Array, "b s p"]:
    """σ by scipy, in a call back from the compiled program."""
    # On CPUs `pure_callback` waits for a thread of XLA's that copies its arguments, for ever where
    # all of them are in such a call back: on one core, or with as many devices as cores.
    matching: Array = jax.lax.platform_dependent(similarity, cpu=_in_place, default=_by_copies)
    return matching


def _in_place(similarity: Float[Array, "b s p p"]) -> Int[Array, "b s p"]:
    """On the program's own memory."""
    call: Any = buffer_callback(_solve_into, _sigma(similarity), vmap_method="expand_dims")
    matching: Array = call(similarity)
    return matching


def _by_copies(similarity: Float[Array, "b s p p"]) -> Int[Array, "b s p"]:
    """From and to the memory of a device that is no CPU."""
    matching: Array = jax.pure_callback(
        _solve, _sigma(similarity), similarity, vmap_method="expand_dims"
    )
    return matching


def _sigma(similarity: Float[Array, "b s p p"]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(similarity.shape[:-1], jnp.int32)


def _solve_into(_: ExecutionContext, sigma: Buffer, similarity: Buffer) -> None:
    np.asarray(sigma)[...] = _solve(np.asarray(similarity))


def _solve(similarity: Float[Array | np.ndarray, "... p p"]) -> Int[np.ndarray, "... p"]:
    """σ of every problem, one after the other; scipy takes one at a time."""
    # Here, since it takes a tenth of what training imports, and only ATA needs it.
    from scipy.optimize import linear_sum_assignment

    problems = np.asarray(similarity).reshape(-1, *similarity.shape[-2:])
    columns = [linear_sum_assignment(problem, maximize=True)[1] for problem in problems]
    return np.asarray(columns, np.int32).reshape(similarity.shape[:-1])


def matched_on_device(similarity: Float[Array, "b s p p"]) -> Int[Array, "b s p"]:
    """σ without the host, all b·s problems in one batch: the tests' check of `matched`."""
    # Negated, as this solver minimises the cost.
    flat = -similarity.reshape(-1, *similarity.shape[-2:])

    def solve(cost: Float[Array, "p p"]) -> Int[Array, "p"]:
        rows, columns = optax.assignment.hungarian_algorithm(cost)
        return jnp.zeros(cost.shape[0], columns.dtype).at[rows].set(columns)

    return jax.vmap(solve)(flat).reshape(similarity.shape[:-1])


def composed(sigma: Int[Array, "b s p"]) -> Int[Array, "b t p"]:
    """π_1 = id, π_{t+1} = σ_t∘π_t: where each patch of the first frame is in every frame."""
    first = repeat(jnp.arange(sigma.shape[-1], dtype=sigma.dtype), "p -> b p", b=sigma.shape[0])

    # One frame after the other, as each step starts where the last one ended.
    def follow(pi: Array, step: Array) -> tuple[Array, Array]:
        pi = jnp.take_along_axis(step, pi, axis=-1)
        return pi, pi

    _, later = jax.lax.scan(follow, first, sigma.swapaxes(0, 1))
    return jnp.concatenate([first[:, None], later.swapaxes(0, 1)], axis=1)


def gathered(x: Float[Array, "b t p d"], pi: Int[Array, "b t p"]) -> Float[Array, "b t p d"]:
    """a_t[i] = x_t[π_t i]: in place i stands what place i of the first frame was matched to."""
    return jnp.take_along_axis(x, pi[..., None], axis=2)


def put_back(x: Float[Array, "b t p d"], pi: Int[Array, "b t p"]) -> Float[Array, "b t p d"]:
    """r_t[π_t i] ← x_t[i]: undoes `gathered`. The order that sorts a permutation is its inverse."""
    return gathered(x, jnp.argsort(pi, axis=-1))
