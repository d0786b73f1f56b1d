"""Barriers between forward and backward pass: what is to be computed again is not kept after all.

XLA merges equal expressions. What a backward pass computes again from what was kept is then taken
from the forward pass, which has to keep it, and all that was saved is lost. And it takes cheap
operations into each of those that use them: nine sums over an activation compute it nine times. It
does neither across `jax.lax.optimization_barrier`.
"""

from typing import Any

import jax


def for_backward(kept: Any, gradient: Any) -> tuple[Any, Any]:
    """What was kept and the gradient of the output, as the backward pass starts from them.

    Nothing that is computed from the two is merged with the forward pass, or moved into it.
    """
    after: tuple[Any, Any] = jax.lax.optimization_barrier((kept, gradient))
    return after


def compiler_options(platform: str) -> dict[str, str]:
    """What `jax.jit` needs so that barriers hold on a platform: "cpu", "gpu", "tpu".

    XLA for CPUs takes them away before it fuses. Its other compilers do so later. Should the pass
    of that name be gone one day, a program takes more memory and time, and computes the same.
    """
    return {"xla_disable_hlo_passes": "cse_barrier_expander"} if platform == "cpu" else {}
