"""Video-specific prompts: the class features look at the video's patches (models.md 1)."""

from typing import Any

import jax.numpy as jnp
from einops import rearrange, repeat
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import MLP, Dtypes, Keys, attend, small_normal, zeros
from ila_jax.shapes import TextFeatures
from ila_jax.sizes import Geometry

_DEPTH = 2  # layers of the generator in the released models
_ALPHA = 0.1  # start of the residual's scale


class CrossAttention(nnx.Module):
    """Class features attend to patches; q, k, v without bias, output with."""

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.heads = dtypes.heads(width)
        init: dict[str, Any] = {"use_bias": False, "kernel_init": small_normal, "keys": keys}
        self.query = dtypes.linear(width, width, **init)
        self.key = dtypes.linear(width, width, **init)
        self.value = dtypes.linear(width, width, **init)
        self.out = dtypes.linear(width, width, kernel_init=small_normal, bias_init=zeros, keys=keys)

    def __call__(self, x: Float[Array, "b k e"], u: Float[Array, "b p e"]) -> Array:
        """What each class takes from the patches: [b, k, e]."""
        q, k, v = (
            rearrange(y, "b m (a c) -> b m a c", a=self.heads)
            for y in (self.query(x), self.key(u), self.value(u))
        )
        y = attend(q, k, v)
        return self.out(rearrange(y, "b k a c -> b k (a c)"))


class PromptLayer(nnx.Module):
    """τ += CA(LN₁ τ, U, U); τ += MLP(LN₃ τ). (The released code has no LN₂.)"""

    def __init__(self, width: int, *, dtypes: Dtypes, keys: Keys):
        self.norm1 = dtypes.layer_norm(width, keys=keys)
        self.attn = CrossAttention(width, dtypes=dtypes, keys=keys)
        self.norm3 = dtypes.layer_norm(width, keys=keys)
        self.mlp = MLP(width, dtypes=dtypes, kernel_init=small_normal, bias_init=zeros, keys=keys)

    def __call__(self, x: Float[Array, "b k e"], u: Float[Array, "b p e"]) -> Array:
        """The class features after the layer, [b, k, e]. u: U, the patches' features."""
        x = x + self.attn(self.norm1(x), u)
        return x + self.mlp(self.norm3(x))


class VideoPrompts(nnx.Module):
    """text' = text + α ⊙ τ, where τ starts as the text features and attends to the patches."""

    def __init__(self, geometry: Geometry, *, dtypes: Dtypes, keys: Keys):
        width, embed = geometry.width, geometry.embed
        # The norms of patches are of the image tower's kind: so in XCLIPModel.
        dtypes, of_layers = dtypes.having(geometry.image), dtypes.having(geometry.prompts)
        self.visual_norm = dtypes.layer_norm(width, keys=keys)
        # N(0, 1), unscaled: so in the released ILA and X-CLIP.
        unscaled = nnx.initializers.normal(1.0)
        self.visual_projection = dtypes.linear(
            width, embed, use_bias=False, kernel_init=unscaled, keys=keys
        )
        self.norm = dtypes.layer_norm(embed, keys=keys)
        self.layers = nnx.List(
            [PromptLayer(embed, dtypes=of_layers, keys=keys) for _ in range(_DEPTH)]
        )
        self.alpha = nnx.Param(jnp.full(embed, _ALPHA, dtypes.param))

    def patch_features(self, patches: Float[Array, "b t p d"]) -> Float[Array, "b p e"]:
        """Projected patch tokens, the mean over the frames: U before its norm."""
        return self.visual_projection(self.visual_norm(patches)).mean(axis=1)

    def __call__(
        self, text: TextFeatures, patches: Float[Array, "b t p d"]
    ) -> Float[Array, "b k e"]:
        """Each class's text feature, for each clip its own. patches: of the last block."""
        # The mean over frames comes before the norm, as in the released models.
        u = self.norm(self.patch_features(patches))
        text = repeat(text.astype(u.dtype), "k e -> b k e", b=u.shape[0])
        # Each clip changes its own copy of the features, and alpha says how much of it is added.
        x = text
        for layer in self.layers:
            x = layer(x, u)
        return text + rearrange(self.alpha[...].astype(u.dtype), "e -> 1 1 e") * x
