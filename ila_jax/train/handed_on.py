"""Which numbers a trace hands on, and which of its outputs are the same in another shape."""

from collections.abc import Container
from typing import Any, NamedTuple

from jax.extend.core import Jaxpr, Literal

# Operations whose result is the same numbers in the same order; and in another order. JAX's names:
# where it has others one day, arrays that are the same are taken for two again.
RESHAPED = frozenset({"reshape", "squeeze", "expand_dims", "copy", "optimization_barrier"})
MOVED = RESHAPED | {"transpose"}
# Calls, in whose functions these are looked for.
_CALLS = {"jit", "pjit", "checkpoint", "closed_call", "custom_jvp_call", "custom_vjp_call"}


class Derived(NamedTuple):
    """What was cut out of an array, or rounded. how: the operation with all that it was told."""

    source: Any
    how: str


def sources(
    trace: Jaxpr, inputs: list[Any], *, same: Container[str], derived: Container[str] = ()
) -> list[Any]:
    """Where the numbers of each output come from: equal where they are the same.

    inputs: the sources of a trace's inputs. same: operations that are looked through, RESHAPED or
    MOVED. derived: those whose result is a `Derived`.
    """
    known = dict(zip(trace.invars, inputs, strict=True))

    def source_of(value: Any) -> Any:
        return object() if isinstance(value, Literal) else known.get(value, value)

    for equation in trace.eqns:
        name = equation.primitive.name
        into = [source_of(value) for value in equation.invars]
        inner = next((p for p in map(_trace_in, equation.params.values()) if p is not None), None)
        if name in same or (name == "broadcast_in_dim" and _keeps_size(equation)):
            known.update(zip(equation.outvars, into, strict=True))
        elif name in derived:
            known[equation.outvars[0]] = Derived(into[0], f"{name} {equation.params}")
        elif name in _CALLS and inner is not None and len(inner.invars) == len(into):
            of_inner = sources(inner, into, same=same, derived=derived)
            known.update(zip(equation.outvars, of_inner, strict=True))
        else:
            # A function's trace may serve many calls: what each of them computes is its own.
            known.update((variable, object()) for variable in equation.outvars)
    return [source_of(value) for value in trace.outvars]


def _trace_in(parameter: Any) -> Jaxpr | None:
    """The function that an equation calls, if this parameter is it."""
    inner = getattr(parameter, "jaxpr", parameter)
    return inner if isinstance(inner, Jaxpr) else None


def _keeps_size(equation: Any) -> bool:
    return bool(equation.invars[0].aval.size == equation.outvars[0].aval.size)
