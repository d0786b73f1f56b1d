"""CLIP's image tower over frames, with a temporal model in its blocks (models.md 1)."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from einops import rearrange, repeat
from flax import nnx
from jaxtyping import Array, Float

from ila_jax.models.layers import Dtypes, Keys
from ila_jax.shapes import ClassTokens, Scalar, TemporalBlock, Tokens, Training, Video
from ila_jax.sizes import Geometry

BlockMaker = Callable[[Keys], TemporalBlock]


class TowerOutput(NamedTuple):
    """What the image tower gives for a batch of clips.

    class_tokens: projected. patch_tokens: of the last block, unnormalised. alignment_loss: one
    value for each block.
    """

    class_tokens: ClassTokens
    patch_tokens: Float[Array, "b t p d"]
    alignment_loss: Float[Array, "depth"]


class TowerTokens(NamedTuple):
    """What the rest of a model reads of its image tower, and can be kept where that is frozen.

    class_tokens, patch_tokens: as of `TowerOutput`, [b, t, e] and [b, t, p, d], on the devices or
    on the host; p = 0 where no head reads patches. Patches are not averaged over frames, as the
    prompts need them in the end: a norm and a projection that train come first.
    """

    class_tokens: Any
    patch_tokens: Any


class PatchEmbedding(nnx.Module):
    """Patches to tokens, class token first, positions added: the same for every frame.

    CLIP's convolution, its kernel and stride the side of a patch and without bias, is a linear map
    of each patch; kernel [patch·patch·3, d], rows ordered (row, column, channel).
    """

    def __init__(self, geometry: Geometry, *, dtypes: Dtypes, keys: Keys):
        self.patch, self.resolution = geometry.patch, geometry.resolution
        width, count = geometry.width, geometry.grid**2
        self.patches = dtypes.linear(3 * geometry.patch**2, width, use_bias=False, keys=keys)
        normal = nnx.initializers.normal(width**-0.5)  # CLIP's scale
        self.class_token = nnx.Param(normal(keys.params(), (width,), dtypes.param))
        self.positions = nnx.Param(normal(keys.params(), (count + 1, width), dtypes.param))
        self.dtypes = dtypes

    def __call__(self, video: Video) -> Tokens:
        """The tokens of each frame before the first norm.

        Errors: ValueError for frames of another size than the positions were made for.
        """
        if video.shape[2:] != (self.resolution, self.resolution, 3):
            raise ValueError(
                f"frames are {'×'.join(map(str, video.shape[2:]))}, the model takes "
                f"{self.resolution}×{self.resolution}×3: crop and resize the video first"
            )
        x = rearrange(
            video.astype(self.dtypes.compute),
            "b t (h i) (w j) c -> b t (h w) (i j c)",
            i=self.patch,
            j=self.patch,
        )
        x = self.patches(x)
        # Every frame has a class token of its own, all of them the same to start with.
        token = self.class_token[...].astype(x.dtype)
        token = repeat(token, "d -> b t 1 d", b=x.shape[0], t=x.shape[1])
        positions = rearrange(self.positions[...].astype(x.dtype), "n d -> 1 1 n d")
        return jnp.concatenate([token, x], axis=2) + positions


class ImageTower(nnx.Module):
    """Patch embedding, temporal blocks, and the projection of each frame's class token.

    frames: of a learnt embedding of time, added to the patches (models.md 3); None for none.
    remat: what blocks keep for the backward pass, a key of REMAT.
    """

    def __init__(
        self,
        geometry: Geometry,
        make_block: BlockMaker,
        *,
        frames: int | None,
        remat: str = "none",
        dtypes: Dtypes,
        keys: Keys,
    ):
        width = geometry.width
        self.dtypes, self.remat = dtypes, remat
        self.embed = PatchEmbedding(geometry, dtypes=dtypes, keys=keys)
        self.frames = frames
        if frames is not None:
            self.temporal_embedding = nnx.Param(jnp.zeros((frames, width), dtypes.param))
        self.norm_pre = dtypes.layer_norm(width, keys=keys)
        self.blocks = nnx.List([make_block(keys) for _ in range(geometry.depth)])
        self.norm_post = dtypes.layer_norm(width, keys=keys)
        init = nnx.initializers.normal(width**-0.5)
        self.projection = dtypes.linear(
            width, geometry.embed, use_bias=False, kernel_init=init, keys=keys
        )

    def tokens(self, video: Video) -> Tokens:
        """What the first block takes. Errors: ValueError for frames of another size or number."""
        x = self.embed(video)
        if self.frames is not None:
            if x.shape[1] != self.frames:
                raise ValueError(f"the clip has {x.shape[1]} frames, the model takes {self.frames}")
            time = rearrange(self.temporal_embedding[...].astype(x.dtype), "t d -> 1 t 1 d")
            # To patches alone: models.md 3 says that this is a choice, no source fixes it.
            x = jnp.concatenate([x[:, :, :1], x[:, :, 1:] + time], axis=2)
        tokens: Tokens = self.norm_pre(x)
        return tokens

    def __call__(self, video: Video, training: Training | None = None) -> TowerOutput:
        """video: normalised, of the size that the model takes."""
        frozen = 0 if training is None else training.frozen_blocks
        x = self.through_frozen(self.tokens(video), frozen)
        losses: list[Scalar] = [jnp.float32(0)] * frozen
        for i, block in enumerate(list(self.blocks)[frozen:], frozen):
            graph, *states = nnx.split(block, nnx.Param, nnx.BatchStat)
            weights = tuple(map(nnx.to_pure_dict, states))
            with jax.named_scope(f"block{i}"):
                x, loss, stats = REMAT[self.remat](graph, weights, x, training)
            nnx.update(block, stats)
            losses.append(loss)
        return self.output(x, jnp.stack(losses))

    def through_frozen(self, x: Tokens, count: int) -> Tokens:
        """The tokens after the first blocks, `count` of them, which do not train.

        They compute as in inference: batch norms by their running statistics, and without noise.
        """
        for i, block in enumerate(list(self.blocks)[:count]):
            with jax.named_scope(f"block{i}"):
                x, _ = block(x, None)
        return x

    def output(self, x: Tokens, losses: Float[Array, "depth"]) -> TowerOutput:
        """What the tower gives. x: after the last block. losses: of each, 0 of frozen ones."""
        # Patch tokens go on without the norm: the prompts have one of their own.
        class_tokens = self.projection(self.norm_post(x[:, :, 0]))
        return TowerOutput(class_tokens, x[:, :, 1:], losses)

    def walk(self, video: Video) -> Iterator[tuple[TemporalBlock, Tokens, Tokens]]:
        """Each block, with the tokens that it takes and those that it gives, in inference."""
        x = self.tokens(video)
        for i, block in enumerate(self.blocks):
            with jax.named_scope(f"block{i}"):
                y, _ = block(x, None)
            yield block, x, y
            x = y


@functools.partial(jax.jit, static_argnums=0)
def _block(
    graph: Any, weights: tuple[Any, ...], x: Tokens, training: Training | None
) -> tuple[Tokens, Scalar, Any]:
    """A block from its parts: tokens, auxiliary loss, and the running statistics after it.

    Compiled as a part of what calls it. A function of its own is traced once for all blocks, which
    differ in their weights alone: for B/32 in a third of the time.
    """
    block = nnx.merge(graph, *weights)
    x, loss = block(x, training)
    return x, loss, nnx.to_pure_dict(nnx.state(block, nnx.BatchStat))


# By `model.remat`, from the most memory to the least: a block that keeps what the backward pass
# needs, one that keeps the products with its weights, and one that keeps its tokens alone. The rest
# is computed again.
REMAT: dict[str, Callable[..., tuple[Tokens, Scalar, Any]]] = {
    "none": _block,
    "dots": jax.checkpoint(
        _block,
        static_argnums=0,
        policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
    ),
    "block": jax.checkpoint(_block, static_argnums=0),
}
