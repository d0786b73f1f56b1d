"""A function's forward and backward pass as two programs, and what one keeps for the other.

JAX names what is kept as often as the backward pass takes it, in each of its shapes, and names what
the function itself was given. Between two programs each of these would be a copy.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax.extend.core import Literal, jaxpr_as_fun
from jax.tree_util import tree_leaves, tree_structure, tree_unflatten

from ila_jax.train.handed_on import RESHAPED, sources


class Halves(NamedTuple):
    """Both passes of a function (wanted, others) → (outputs, aside), to be compiled.

    forward: (wanted, others) → (outputs, aside, kept), with kept a list of arrays.
    backward: (wanted, others, kept, gradients of the outputs) → gradients of `wanted`.
    """

    forward: Callable[[Any, Any], tuple[Any, Any, list[Any]]]
    backward: Callable[[Any, Any, list[Any], Any], Any]


def halves(function: Callable[[Any, Any], tuple[Any, Any]], wanted: Any, others: Any) -> Halves:
    """The two passes of a function, for arguments of these shapes.

    function: of two trees of arrays. Its `outputs` have gradients, what is `aside` has none.
    """

    def both(wanted: Any, others: Any) -> tuple[Any, list[Any]]:
        outputs, pull, aside = jax.vjp(lambda x: function(x, others), wanted, has_aux=True)
        # `pull` is a tree that holds what it was handed.
        return (outputs, aside, pull), tree_leaves(pull)

    closed, shapes = jax.make_jaxpr(both, return_shape=True)(wanted, others)
    (outputs, aside, pull), handed = shapes
    results: Any = tree_structure((outputs, aside))
    plan, first = _plan(closed.jaxpr, len(handed))

    def forward(wanted: Any, others: Any) -> tuple[Any, Any, list[Any]]:
        values = jaxpr_as_fun(closed)(*tree_leaves((wanted, others)))
        outputs, aside = tree_unflatten(results, values[: results.num_leaves])
        handed_on = values[len(values) - len(handed) :]
        return outputs, aside, [handed_on[i] for i in first]

    def backward(wanted: Any, others: Any, kept: list[Any], gradients: Any) -> Any:
        there = [*tree_leaves((wanted, others)), *kept]
        leaves = [there[i].reshape(x.shape) for i, x in zip(plan, handed, strict=True)]
        return tree_unflatten(tree_structure(pull), leaves)(gradients)[0]

    return Halves(forward, backward)


def _plan(trace: Any, count: int) -> tuple[list[int], list[int]]:
    """Where the backward pass finds what it is handed, and which of these arrays are kept.

    count: how many of the trace's last outputs are handed on. Positions are among the trace's
    inputs, followed by what is kept.
    """
    origins = sources(trace, list(trace.invars), same=RESHAPED)
    handed_on = list(zip(origins, trace.outvars, strict=True))[len(origins) - count :]
    place: dict[Any, int] = {value: i for i, value in enumerate(trace.invars)}
    plan: list[int] = []
    first: list[int] = []
    for i, (origin, value) in enumerate(handed_on):
        # A number that stands in the program has no origin, and is handed on as any array.
        key = object() if isinstance(value, Literal) else origin
        if key not in place:
            place[key] = len(trace.invars) + len(first)
            first.append(i)
        plan.append(place[key])
    return plan, first
