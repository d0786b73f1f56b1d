"""Multiply-accumulates of a traced computation, counted equation by equation.

Counted: matrix products and convolutions, wherever they are nested; and convolutions written as
shifts, the elementwise product of a window of a padded array with a kernel (the depthwise 3×3).
Not counted: everything else that is elementwise, reductions, and what no output needs.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal


def count(function: Callable[..., Any], *arguments: Any) -> int:
    """MACs of a call. arguments: arrays, or their shapes; nothing is computed.

    Errors: ValueError for products in a loop whose length is not known from the trace.
    """
    return count_by_scope(function, *arguments).total()


def count_by_scope(function: Callable[..., Any], *arguments: Any) -> Counter[str]:
    """MACs of a call by the named scopes that they are in, such as "block0/mlp".

    Arguments and errors are those of `count`.
    """
    return _total(jax.make_jaxpr(function)(*arguments).jaxpr, "")


def _total(jaxpr: Jaxpr, outside: str) -> Counter[str]:
    """MACs of the equations that the outputs need. outside: the scopes around the whole."""
    needed = {v for v in jaxpr.outvars if not isinstance(v, Literal)}
    makers = {v: eqn for eqn in jaxpr.eqns for v in eqn.outvars}
    macs: Counter[str] = Counter()
    # Backwards: whether an equation is needed is decided by those that come after it.
    for eqn in reversed(jaxpr.eqns):
        if needed.isdisjoint(eqn.outvars):
            continue
        needed.update(v for v in eqn.invars if not isinstance(v, Literal))
        # An equation of a nested trace knows the scopes within that trace alone.
        scopes = "/".join(filter(None, (outside, str(eqn.source_info.name_stack))))
        macs += _nested_macs(eqn, scopes) + Counter({scopes: _own_macs(eqn, makers)})
    return macs


def _own_macs(eqn: Any, makers: dict[Any, Any]) -> int:
    """MACs of one equation, without what is nested in it."""
    name = eqn.primitive.name
    if name == "mul":
        return _shifted(eqn, makers)
    if name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        left = eqn.invars[0].aval.shape
        return _size(eqn.outvars[0]) * math.prod(int(left[axis]) for axis in contracted)
    if name.startswith("dot_product_attention_fwd"):  # cuDNN's; its tokens may be one more
        (rows, queries, heads, width), (_, keys, _, _) = (x.aval.shape for x in eqn.invars[:2])
        return int(2 * rows * queries * keys * heads * width)
    if name == "conv_general_dilated":
        return _size(eqn.outvars[0]) * _inputs_of_an_output(eqn)
    return 0


def _nested_macs(eqn: Any, scopes: str) -> Counter[str]:
    """MACs of what is nested in an equation, as often as it runs."""
    name, inner = eqn.primitive.name, [_total(j, scopes) for j in _nested(eqn.params.values())]
    if name == "cond":
        # The dearest branch, as the trace does not say which is taken.
        return max(inner, key=Counter.total)
    macs = sum(inner, Counter())
    if name == "scan":
        return Counter({scope: eqn.params["length"] * number for scope, number in macs.items()})
    if name == "while" and macs:
        raise ValueError(
            "a while loop with matrix products cannot be counted: its length is not in the trace. "
            "Use lax.scan or a fori_loop with fixed bounds"
        )
    return macs


def _inputs_of_an_output(eqn: Any) -> int:
    """How many inputs make an output of a convolution: kernel area times channels of its group."""
    kernel: tuple[int, ...] = eqn.invars[1].aval.shape
    outputs = int(kernel[eqn.params["dimension_numbers"].rhs_spec[0]])
    return math.prod(kernel) // outputs


def _shifted(eqn: Any, makers: dict[Any, Any]) -> int:
    """MACs of a product with a window of a padded array, 0 for any other elementwise product.

    It is one step of a convolution written as shifts. makers: the equation that made each variable.
    """
    for v in eqn.invars:
        window = None if isinstance(v, Literal) else makers.get(v)
        if window is not None and window.primitive.name in ("slice", "dynamic_slice"):
            source = makers.get(window.invars[0])
            if source is not None and _pads(source):
                return _size(eqn.outvars[0])
    return 0


def _pads(eqn: Any) -> bool:
    """Whether an equation is `pad`, or jnp.pad's function around it."""
    if eqn.primitive.name == "pad":
        return True
    # jnp.pad is compiled by itself, so that in a trace it is a nested function that ends in `pad`.
    return any(
        inner.eqns and inner.eqns[-1].primitive.name == "pad"
        for inner in _nested(eqn.params.values())
    )


def _size(variable: Any) -> int:
    """How many numbers a variable of a trace has."""
    return math.prod(variable.aval.shape)


def _nested(values: Iterable[Any]) -> list[Jaxpr]:
    """The computations among an equation's parameters: bodies of jit, scan, cond, custom rules."""
    jaxprs: list[Jaxpr] = []
    for value in values:
        if isinstance(value, ClosedJaxpr):
            jaxprs.append(value.jaxpr)
        elif isinstance(value, Jaxpr):
            jaxprs.append(value)
        elif isinstance(value, tuple | list):
            jaxprs += _nested(value)
    return jaxprs
