"""CLIP's text tower (models.md 1)."""

import jax.numpy as jnp
from einops import rearrange
from flax import nnx

from ila_jax.models.layers import Dtypes, Keys, ResidualBlock
from ila_jax.shapes import TextFeatures, TextTokens
from ila_jax.sizes import Geometry


class TextTower(nnx.Module):
    """Token ids to one feature for each text, read at the end-of-text position."""

    def __init__(self, geometry: Geometry, *, dtypes: Dtypes, keys: Keys):
        width = geometry.text_width
        self.dtypes = dtypes
        self.vocabulary, self.context = geometry.vocabulary, geometry.context
        # The scales are CLIP's own.
        self.tokens = nnx.Param(
            nnx.initializers.normal(0.02)(keys.params(), (geometry.vocabulary, width), dtypes.param)
        )
        self.positions = nnx.Param(
            nnx.initializers.normal(0.01)(keys.params(), (geometry.context, width), dtypes.param)
        )
        self.blocks = nnx.List(
            [ResidualBlock(width, dtypes=dtypes, keys=keys) for _ in range(geometry.text_depth)]
        )
        self.norm_final = dtypes.layer_norm(width, keys=keys)
        init = nnx.initializers.normal(width**-0.5)
        self.projection = dtypes.linear(
            width, geometry.embed, use_bias=False, kernel_init=init, keys=keys
        )

    def __call__(self, tokens: TextTokens) -> TextFeatures:
        """Features, not of length 1. tokens: no longer than the context, zeros behind the end."""
        # Texts may all be shorter than the context: what follows their end changes nothing.
        positions = self.positions[...][: tokens.shape[1]]
        x = self.tokens[...][tokens] + rearrange(positions, "l d -> 1 l d")
        x = x.astype(self.dtypes.compute)
        for block in self.blocks:
            x = block(x, causal=True)
        x = self.norm_final(x)
        # The end-of-text token has the highest id.
        end = tokens.argmax(axis=-1)
        return self.projection(x[jnp.arange(len(tokens)), end])
