"""What NVIDIA's libraries compute in this model's place, on their GPUs alone.

XLA writes every score of the attention to memory there, and runs a convolution that is spelt as
products and shifted sums slower than cuDNN runs it as one (performance.md). Everywhere else
`layers.py` and `own_convolutions.py` compute the same, and so does `layers.py` where cuDNN's
attention does not take what is asked for.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

# What cuDNN's attention takes, and from which compute capability on it is there (Ampere's).
_OLDEST = 8.0
_WIDEST_HEAD = 128
_DTYPES = ("bfloat16", "float16")


def on_cuda() -> bool:
    """Whether arrays lie on NVIDIA's GPUs unless told otherwise.

    Asked while a program is traced. With the convolutions of here it runs anywhere, with the
    attention on these GPUs alone.
    """
    return _gpu() is not None


def takes(q: Float[Array, "m i a c"]) -> bool:
    """Whether `attend` computes the attention of such queries here."""
    gpu, mesh = _gpu(), jax.sharding.get_abstract_mesh()
    return (
        gpu is not None
        and float(gpu.compute_capability) >= _OLDEST
        and q.dtype.name in _DTYPES
        and q.shape[-1] % 8 == 0
        and q.shape[-1] <= _WIDEST_HEAD
        and (mesh.empty or q.shape[0] % mesh.size == 0)
    )


def _gpu() -> Any:
    """The NVIDIA GPU that arrays lie on unless told otherwise, or None."""
    # Set by `jax.default_device`: a device, the name of a platform, or None.
    chosen: Any = jax.config.jax_default_device  # type: ignore[attr-defined]  # not in its stubs
    device = jax.devices(chosen)[0] if isinstance(chosen, str) else chosen or jax.local_devices()[0]
    cuda = device.platform == "gpu" and "cuda" in device.client.platform_version.lower()
    return device if cuda else None


def attend(
    q: Float[Array, "m i a c"], k: Float[Array, "m j a c"], v: Float[Array, "m j a c"]
) -> Float[Array, "m i a c"]:
    """Softmax attention of each head by cuDNN, which keeps no scores for the backward pass.

    Under `jax.set_mesh` each device computes its own rows.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return _attend(q, k, v)
    rows = PartitionSpec(mesh.axis_names)
    return jax.shard_map(_attend, in_specs=rows, out_specs=rows)(q, k, v)


def _attend(q: Array, k: Array, v: Array) -> Array:
    rows, queries, keys = len(q), q.shape[1], k.shape[1]
    # JAX refuses odd numbers of tokens in training: they get one more, which is left out again.
    q, k, v = (jnp.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, 0), (0, 0))) for x in (q, k, v))
    y = _attention(
        q,
        k,
        v,
        query_seq_lengths=jnp.full(rows, queries, jnp.int32),
        key_value_seq_lengths=jnp.full(rows, keys, jnp.int32),
    )
    return y[:, :queries]


_attention = functools.partial(jax.nn.dot_product_attention, implementation="cudnn")


def conv3x3(
    x: Float[Array, "m g g i"], kernel: Float[Array, "three three i o"]
) -> Float[Array, "m g g o"]:
    """3×3 convolution of maps, padding 1."""
    return _convolve(x, kernel, groups=1)


def depthwise3x3(
    x: Float[Array, "m g g c"], kernel: Float[Array, "three three c"]
) -> Float[Array, "m g g c"]:
    """3×3 convolution of each channel by itself, padding 1."""
    return _convolve(x, kernel[:, :, None], groups=x.shape[-1])


def _convolve(x: Array, kernel: Array, *, groups: int) -> Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
