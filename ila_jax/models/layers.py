"""Layers that every tower shares: attention, the MLP, CLIP's residual block."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.config import Precision
from ila_jax.models import nvidia
from ila_jax.models.own_gradients import layer_normalise, quick_gelu, softmax
from ila_jax.sizes import Activation, Arithmetic

_OF_CLIP = Arithmetic()

# The released `trunc_normal_(std=0.02)` cuts at ±2, which is a hundred deviations: nothing is cut.
small_normal = nnx.initializers.normal(0.02)
ones, zeros = nnx.initializers.ones_init(), nnx.initializers.zeros_init()
# nn.Linear's and nn.Conv's own start in PyTorch, U(±1/√fan_in); 1/3 is the variance of U(±1).
torch_uniform = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


def torch_uniform_bias(fan_in: int) -> Callable[..., Array]:
    """PyTorch's start of a bias, U(±1/√fan_in). fan_in: inputs of one output of the layer."""
    bound = fan_in**-0.5

    def init(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def unit(x: Float[Array, "... e"]) -> Float[Array, "... e"]:
    """x / |x|, in float32 or wider."""
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    norm: Array = jnp.linalg.norm(x, axis=-1, keepdims=True)
    return x / norm


def _product_of_rows(x: Array, kernel: Array, dimensions: Any, **options: Any) -> Array:
    """`lax.dot_general` of a linear layer, [..., i] with [i, o], all axes but the last made one.

    dimensions: the last axis of x with the first of the kernel, as always in a linear layer.
    The kernel's gradient is a sum over all those axes. Over more than one, XLA for CPUs copies both
    of its factors first, which took a tenth of a step.
    """
    rows = x.reshape(-1, x.shape[-1])
    y = jax.lax.dot_general(rows, kernel, (((1,), (0,)), ((), ())), **options)
    return y.reshape(*x.shape[:-1], -1)


def composed(first: nnx.Linear, second: nnx.Linear) -> tuple[Array, Array]:
    """Kernel and bias of the one linear map that two make of which the second follows the first.

    In the dtype of the parameters. Errors: ValueError for a layer without a bias.
    """
    if first.bias is None or second.bias is None:
        raise ValueError("a layer without a bias is composed with none: expected both to have one")
    # Accelerators would round the factors to bfloat16 or TF32, for a kernel that stays.
    product = functools.partial(jnp.matmul, precision="highest")
    kernel: Array = product(first.kernel[...], second.kernel[...])
    return kernel, product(first.bias[...], second.kernel[...]) + second.bias[...]


class Keys:
    """A stream of keys, one a parameter, in the order of construction.

    Stands in for `nnx.Rngs`, which does the same with mutable state that costs 10 ms a key while
    tracing: 15 s for L/14.
    """

    def __init__(self, key: Array):
        self._key, self._count = key, 0

    def params(self) -> Array:
        """The next key. The name is the stream's that nnx asks its `Rngs` for."""
        self._count += 1
        return jax.random.fold_in(self._key, self._count)


@dataclass(frozen=True)
class Dtypes:
    """The dtypes of one part of a model, and makers of layers that compute in them.

    compute: of activations and matrix products. param: of parameters and statistics. arithmetic:
    what that part computes with and its tensors do not show.
    """

    compute: Any
    param: Any
    arithmetic: Arithmetic = _OF_CLIP

    @staticmethod
    def of(precision: Precision) -> "Dtypes":
        """Those of a model by `model.precision`; parameters are never narrower than float32."""
        compute = jnp.dtype(precision)
        return Dtypes(compute, jnp.promote_types(compute, jnp.float32))

    def having(self, arithmetic: Arithmetic) -> "Dtypes":
        """The same dtypes for a part of the model with an arithmetic of its own."""
        return dataclasses.replace(self, arithmetic=arithmetic)

    def heads(self, width: int) -> int:
        """The number of attention heads at a width."""
        return width // self.arithmetic.head_width

    def linear(
        self,
        inputs: int,
        outputs: int,
        *,
        keys: Keys,
        use_bias: bool = True,
        kernel_init: Callable[..., Array] = torch_uniform,
        bias_init: Callable[..., Array] | None = None,
    ) -> nnx.Linear:
        """A linear layer, started as PyTorch starts it unless told otherwise."""
        rngs: Any = keys
        return nnx.Linear(
            inputs,
            outputs,
            use_bias=use_bias,
            kernel_init=kernel_init,
            bias_init=bias_init or torch_uniform_bias(inputs),
            dtype=self.compute,
            param_dtype=self.param,
            dot_general=_product_of_rows,
            rngs=rngs,
        )

    def layer_norm(self, width: int, *, keys: Keys) -> "LayerNorm":
        """A layer norm over channels, with the eps of the arithmetic."""
        return LayerNorm(width, dtypes=self, keys=keys)


class LayerNorm(nnx.Module):
    """Layer norm over channels, as PyTorch's; flax's would keep three arrays of its size more."""

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.dtypes = dtypes
        self.scale = nnx.Param(ones(keys.params(), (width,), dtypes.param))
        self.bias = nnx.Param(zeros(keys.params(), (width,), dtypes.param))

    def __call__(self, x: Float[Array, "... d"]) -> Float[Array, "... d"]:
        """Each token by itself, in the dtype in which the model computes."""
        y = layer_normalise(x, self.scale[...], self.bias[...], self.dtypes.arithmetic.eps)
        return y.astype(self.dtypes.compute)


# PyTorch's GELU is z·Φ(z); with its approximate="tanh", the formula that takes tanh.
ACTIVATIONS: dict[Activation, Callable[[Array], Array]] = {
    "quick_gelu": quick_gelu,
    "gelu": functools.partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": functools.partial(jax.nn.gelu, approximate=True),
}


def attend(
    q: Float[Array, "m i a c"],
    k: Float[Array, "m j a c"],
    v: Float[Array, "m j a c"],
    *,
    causal: bool = False,
) -> Float[Array, "m i a c"]:
    """Softmax attention of each head: every query's mean of the values, by its weights."""
    if not causal and nvidia.takes(q):
        return nvidia.attend(q, k, v)
    weights = attention_weights(q, k, causal=causal).astype(v.dtype)
    return jnp.einsum("maij,mjac->miac", weights, v)


def attention_weights(
    q: Float[Array, "m i a c"], k: Float[Array, "m j a c"], *, causal: bool = False
) -> Float[Array, "m a i j"]:
    """What each query gives each key, rows that sum to 1; the softmax in float32 or wider.

    causal: a query takes no part in what comes after it. Written out, as
    `jax.nn.dot_product_attention` computes it in float32 even where all else is float64.
    """
    wide = jnp.promote_types(q.dtype, jnp.float32)
    # The queries are scaled, not the scores, as in PyTorch: the other order rounds otherwise.
    scores = jnp.einsum("miac,mjac->maij", q * q.shape[-1] ** -0.5, k, preferred_element_type=wide)
    if causal:
        allowed = jnp.tri(q.shape[1], k.shape[1], dtype=bool)
        # Here and below axes of 1 are written out: under test no array broadcasts to another rank.
        scores = jnp.where(allowed[None, None], scores, -jnp.inf)
    return softmax(scores)


class Attention(nnx.Module):
    """Multi-head self-attention with fused q, k, v, as PyTorch's `nn.MultiheadAttention`."""

    def __init__(
        self,
        width: int,
        *,
        dtypes: Dtypes,
        keys: Keys,
        out_init: Callable[..., Array] = torch_uniform,
    ):
        self.heads = dtypes.heads(width)
        # PyTorch starts the fused kernel as one xavier-uniform [3d, d] matrix, biases at zero.
        self.qkv = dtypes.linear(
            width,
            3 * width,
            kernel_init=nnx.initializers.xavier_uniform(),
            bias_init=zeros,
            keys=keys,
        )
        self.out = dtypes.linear(width, width, kernel_init=out_init, bias_init=zeros, keys=keys)

    def __call__(self, x: Float[Array, "... n d"], *, causal: bool = False) -> Array:
        """Each token's mean of the values of all n, projected: [..., n, d]."""
        with jax.named_scope("attention"):
            batch = x.shape[:-2]
            y = attend(*self._projected(x), causal=causal)
            return self.out(rearrange(y, "m n a c -> m n (a c)").reshape(*batch, *x.shape[-2:]))

    def weights(self, queries: Float[Array, "m i d"], x: Float[Array, "m n d"]) -> Array:
        """What tokens would give each of the tokens x in every head: [m, a, i, n]."""
        return attention_weights(self._projected(queries)[0], self._projected(x)[1])

    def _projected(self, x: Float[Array, "... n d"]) -> list[Float[Array, "m n a c"]]:
        """Queries, keys and values of each head."""
        # Split before the channels are: gradients are then concatenated, row by row. Those of one
        # array by its first axis would be padded, added up and transposed.
        parts = jnp.split(self.qkv(x), 3, axis=-1)
        return [rearrange(y, "... n (a c) -> (...) n a c", a=self.heads) for y in parts]


class MLP(nnx.Module):
    """CLIP's feed-forward layer: ratio 4, QuickGELU unless the arithmetic has another."""

    def __init__(
        self,
        width: int,
        *,
        dtypes: Dtypes,
        keys: Keys,
        kernel_init: Callable[..., Array] = torch_uniform,
        bias_init: Callable[..., Array] | None = None,
    ):
        init: dict[str, Any] = {"kernel_init": kernel_init, "bias_init": bias_init, "keys": keys}
        self.activation = dtypes.arithmetic.activation
        self.fc = dtypes.linear(width, 4 * width, **init)
        self.proj = dtypes.linear(4 * width, width, **init)

    def __call__(self, x: Float[Array, "... d"]) -> Float[Array, "... d"]:
        """Each token by itself."""
        with jax.named_scope("mlp"):
            # Of the two largest arrays of a block one is kept, and the other computed again.
            y: Array = jax.checkpoint(self._from_hidden)(self.fc(x))
            return y

    def _from_hidden(self, hidden: Float[Array, "... d4"]) -> Float[Array, "... d"]:
        return self.proj(ACTIVATIONS[self.activation](hidden))


class ResidualBlock(nnx.Module):
    """CLIP's block: x += MHA(LN₁ x); x += MLP(LN₂ x) (models.md 1).

    linear_init: start of the linear layers but the fused q, k, v; None is PyTorch's.
    """

    def __init__(
        self,
        width: int,
        *,
        dtypes: Dtypes,
        keys: Keys,
        linear_init: Callable[..., Array] | None = None,
    ):
        init = linear_init or torch_uniform
        self.norm1 = dtypes.layer_norm(width, keys=keys)
        self.attn = Attention(width, dtypes=dtypes, out_init=init, keys=keys)
        self.norm2 = dtypes.layer_norm(width, keys=keys)
        self.mlp = MLP(
            width,
            dtypes=dtypes,
            kernel_init=init,
            # With a start of their own biases are zero (models.md 1); PyTorch's are not.
            bias_init=zeros if linear_init else None,
            keys=keys,
        )

    def __call__(self, x: Float[Array, "... n d"], *, causal: bool = False) -> Array:
        """Tokens to tokens [..., n, d]. causal: as in the text tower."""
        x = x + self.attn(self.norm1(x), causal=causal)
        return x + self.mlp(self.norm2(x))

    def dropping_last(self, x: Float[Array, "... n1 d"]) -> Float[Array, "... n d"]:
        """The block on tokens of which the last only informs the others (`with_token`).

        The attention reads that token; its own output and residual are dropped before the MLP.
        """
        x = x[..., :-1, :] + self.attn(self.norm1(x))[..., :-1, :]
        return x + self.mlp(self.norm2(x))


def with_token(x: Float[Array, "b t n d"], token: Float[Array, "b t d"]) -> Array:
    """One more token a frame, the last: [b, t, n + 1, d]."""
    return jnp.concatenate([x, rearrange(token, "b t d -> b t 1 d")], axis=2)
