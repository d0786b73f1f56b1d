"""3×3 convolutions of small maps as matrix products and shifted sums, with gradients of their own.

JAX would keep nine windows of each map for the backward pass. These keep their inputs, once.
"""

import functools
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ila_jax.models.barriers import for_backward


@jax.custom_vjp
def conv3x3(
    x: Float[Array, "m g g i"], kernel: Float[Array, "three three i o"]
) -> Float[Array, "m g g o"]:
    """3×3 convolution of maps, padding 1: one matrix product with all nine windows of the inputs.

    On CPUs and for the small maps of this model that is faster than `lax.conv`, which takes up to
    three times as long as PyTorch's convolution there. The windows are not kept.
    """
    windows = jnp.concatenate([_window(x, i, j) for i, j in _PLACES], axis=-1)
    return (_rows(windows) @ kernel.reshape(-1, kernel.shape[-1])).reshape(*x.shape[:-1], -1)


@jax.custom_vjp
def narrowing_conv3x3(
    x: Float[Array, "m g g i"], kernel: Float[Array, "three three i o"]
) -> Float[Array, "m g g o"]:
    """The same where outputs are far fewer: each tap's product is shifted, and not its inputs.

    Nine windows of 1,536 channels would be the largest array of the whole model.
    """
    of_taps = (_rows(x) @ _taps(kernel)).reshape(*x.shape[:-1], -1)
    maps = jnp.split(of_taps, 9, axis=-1)
    return _sum(_window(of_tap, *place) for of_tap, place in zip(maps, _PLACES, strict=True))


def _conv3x3_gradients(inputs: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    (x, kernel), dy = for_backward(inputs, dy)
    # What a tap shifted one way comes back the other: windows of dy serve both products.
    shifted = jnp.concatenate([_window(dy, 2 - i, 2 - j) for i, j in _PLACES], axis=-1)
    dx = (_rows(shifted) @ _taps(kernel).T).reshape(x.shape)
    d_taps = jnp.einsum("mi,mo->io", _rows(x), _rows(shifted))
    return dx, d_taps.reshape(-1, *kernel.shape[:2], kernel.shape[3]).transpose(1, 2, 0, 3)


conv3x3.defvjp(lambda x, kernel: (conv3x3(x, kernel), (x, kernel)), _conv3x3_gradients)
narrowing_conv3x3.defvjp(
    lambda x, kernel: (narrowing_conv3x3(x, kernel), (x, kernel)), _conv3x3_gradients
)


@jax.custom_vjp
def depthwise3x3(
    x: Float[Array, "m g g c"], kernel: Float[Array, "three three c"]
) -> Float[Array, "m g g c"]:
    """3×3 convolution of each channel by itself, padding 1: nine shifted multiply-adds."""
    return _sum(_window(x, i, j) * _of_channels(kernel[i, j]) for i, j in _PLACES)


def _depthwise3x3_gradients(inputs: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    (x, kernel), dy = for_backward(inputs, dy)
    # Both from windows of dy: those of x, as the forward pass has them, would all be kept.
    windows = {(i, j): _window(dy, 2 - i, 2 - j) for i, j in _PLACES}
    dx = _sum(windows[i, j] * _of_channels(kernel[i, j]) for i, j in _PLACES)
    taps = [(windows[place] * x).sum((0, 1, 2)) for place in _PLACES]
    return dx, jnp.stack(taps).reshape(kernel.shape)


depthwise3x3.defvjp(
    lambda x, kernel: (depthwise3x3(x, kernel), (x, kernel)), _depthwise3x3_gradients
)


_PLACES = [(i, j) for i in range(3) for j in range(3)]  # of the taps in a 3×3 kernel, row by row


def _window(x: Float[Array, "m g g c"], row: int, column: int) -> Float[Array, "m g g c"]:
    """What a tap of a 3×3 kernel sees of a map: the map moved by up to one place, 0 beyond it."""
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return padded[:, row : row + x.shape[1], column : column + x.shape[2]]


def _taps(kernel: Float[Array, "three three i o"]) -> Float[Array, "i nine_o"]:
    """All taps side by side: the nine matrices as one."""
    return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)


def _sum(maps: Iterable[Array]) -> Array:
    return functools.reduce(jnp.add, maps)


def _rows(x: Float[Array, "*m c"]) -> Float[Array, "rows c"]:
    return x.reshape(-1, x.shape[-1])


def _of_channels(a: Float[Array, "c"]) -> Float[Array, "1 1 1 c"]:
    return a[None, None, None]
