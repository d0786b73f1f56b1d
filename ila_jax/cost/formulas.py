"""Multiply-accumulates of a clip by formula, part by part (models.md 8).

The literature's "GFLOPs" are these MACs. Not counted: norms, activations, softmax, biases, pooling,
masks, gathers, and Kuhn–Munkres, which multiplies nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ila_jax.config import ModelConfig
from ila_jax.sizes import Geometry


class Macs(NamedTuple):
    """Multiply-accumulates, parted by what is multiplied.

    weights: activations with weights, as in linear layers and convolutions. products: activations
    with activations, as in attention and matching. Only the first have weights to differentiate by.
    """

    weights: int
    products: int = 0

    @property
    def total(self) -> int:
        """Both kinds."""
        return self.weights + self.products


# The MACs of a block or a tower by what they are spent on, in the order of the computation.
MacsByStep = dict[str, Macs]


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What the formulas of one clip need, in the letters of `shapes`.

    T frames of P = g² patches and N = P + 1 tokens, D blocks of width d, embedding e. channels: of
    ILA's interactive features. convolutions: "k400" or "ssv2", the form of ILA's interactive block.
    """

    frames: int
    geometry: Geometry
    channels: int
    convolutions: str

    @property
    def patches(self) -> int:
        """P, of one frame."""
        return self.geometry.grid**2

    @property
    def tokens(self) -> int:
        """N, of one frame: the patches and the class token."""
        return self.patches + 1


def clip_of(config: ModelConfig) -> Clip:
    """The clip that a model takes."""
    return Clip(
        frames=config.frames,
        geometry=config.geometry(),
        channels=config.channels,
        convolutions=config.convolutions,
    )


def transformer(sequences: int, tokens: int, width: int) -> Macs:
    """CLIP's block on sequences of N tokens: 12Nd² + 2N²d each."""
    # 12: q, k, v and the output are 4 products of N·d², the MLP with its ratio of 4 is 2·4.
    return Macs(12 * sequences * tokens * width**2, 2 * sequences * tokens**2 * width)


def _spatial(clip: Clip) -> MacsByStep:
    return {"CLIP's block": transformer(clip.frames, clip.tokens, clip.geometry.width)}


def _joint(clip: Clip) -> MacsByStep:
    return {"CLIP's block": transformer(1, clip.frames * clip.tokens, clip.geometry.width)}


def _divided(clip: Clip) -> MacsByStep:
    t, p, d = clip.frames, clip.patches, clip.geometry.width
    # q, k, v and the output of attention; then W_f.
    time = Macs(4 * t * p * d**2 + t * p * d**2, 2 * t**2 * p * d)
    return {"attention over time": time} | _spatial(clip)


def _ata(clip: Clip) -> MacsByStep:
    t, p, d = clip.frames, clip.patches, clip.geometry.width
    return {"similarities to match": Macs(0, (t - 1) * p**2 * d)} | _divided(clip)


def _with_token(clip: Clip) -> MacsByStep:
    """CLIP's block where the attention, not the MLP, reads one more token of each frame."""
    t, n, d = clip.frames, clip.tokens, clip.geometry.width
    # Two terms, as q, k, v and the output are of N + 1 tokens and the MLP is of N.
    weights = t * (4 * (n + 1) * d**2 + 8 * n * d**2)
    return {"CLIP's block": Macs(weights, 2 * t * (n + 1) ** 2 * d)}


def _cross_frame(clip: Clip) -> MacsByStep:
    t, d = clip.frames, clip.geometry.width
    return {"messages": Macs(5 * t * d**2, 2 * t**2 * d)} | _with_token(clip)


def _points(clip: Clip) -> MacsByStep:
    """Interactive block and point prediction, for each of T − 1 pairs of frames."""
    g, p, d, f = clip.geometry.grid, clip.patches, clip.geometry.width, clip.channels
    half = f // 2
    separable = clip.convolutions == "k400"  # depthwise 3×3, pointwise; or a full 3×3
    first = 9 * 2 * d + 2 * d * f if separable else 9 * 2 * d * f
    # The second convolution of the prediction comes after a pooling that halves the grid.
    predicted = 9 * f * half * p + 9 * half**2 * (g // 2) ** 2
    # 1×1 convolutions in two groups: f/2 → f/4 → 4 numbers.
    grouped = half * (f // 4) // 2 + (f // 4) * 4 // 2
    pair = p * (first + 9 * f**2) + predicted + grouped
    return {"convolutions and points": Macs((clip.frames - 1) * pair)}


def _ila(clip: Clip) -> MacsByStep:
    t, p, d, half = clip.frames, clip.patches, clip.geometry.width, clip.channels // 2
    return (
        # W_m, W_a, W_i on all tokens.
        {"layers on the tokens": Macs(3 * t * clip.tokens * d**2)}
        | _points(clip)
        | {"interactive map": Macs(3 * t * p * half**2 + t * p * half * d)}
        | _spatial(clip)
    )


def _ila_token(clip: Clip) -> MacsByStep:
    return _points(clip) | _with_token(clip)


class Cost(NamedTuple):
    """The row of a temporal model.

    title: in tables. complexity: the supplement's Table 2, in its letters; linear layers of
    O(T·hw·d²), which all have, left out. block: the MACs of one block, step by step.
    """

    title: str
    complexity: str
    block: Callable[[Clip], MacsByStep]


COSTS = {
    "clip": Cost("Plain CLIP", "O(T h²w² d)", _spatial),
    "spatial": Cost("Spatial attention", "O(T h²w² d)", _spatial),
    "joint": Cost("Joint attention", "O(T² h²w² d)", _joint),
    "divided": Cost("Divided space-time attention", "O(T² hw d + T h²w² d)", _divided),
    # The supplement has a further d on the cubic term, which Kuhn–Munkres does not have.
    "ata": Cost("ATA", "O(T h³w³ + T² hw d + T h²w² d)", _ata),
    "xclip": Cost("X-CLIP", "O(T² d + T h²w² d)", _cross_frame),
    "ila": Cost("ILA, released", "O(T hw k² d + T h²w² d)", _ila),
    "ila_token": Cost("ILA, the paper's token", "O(T hw k² d + T h²w² d)", _ila_token),
}


def tower(config: ModelConfig) -> MacsByStep:
    """The image tower: patches, the steps of all D blocks, the projection of the class tokens."""
    clip, shape = clip_of(config), config.geometry()
    t, p, d = clip.frames, clip.patches, shape.width
    blocks = {
        name: Macs(*(shape.depth * macs for macs in step))
        for name, step in COSTS[config.temporal].block(clip).items()
    }
    return (
        {"patches": Macs(3 * shape.patch**2 * t * p * d)}
        | blocks
        | {"class projection": Macs(t * d * shape.embed)}
    )


def integration(config: ModelConfig) -> Macs:
    """Multi-frame integration: one block over the frames. Plain CLIP has none."""
    if not _integrates(config):
        return Macs(0)
    return transformer(1, config.frames, config.geometry().embed)


def prompts(config: ModelConfig, classes: int) -> Macs:
    """Video-specific prompts of K classes: a projection of all patches, two layers.

    Plain CLIP has none. The similarities are left out of all models.
    """
    if not _integrates(config):
        return Macs(0)
    clip, e = clip_of(config), config.geometry().embed
    t, p, d = clip.frames, clip.patches, clip.geometry.width
    # Of each layer: 10, as the classes' queries, output and MLP are 1 + 1 + 8 products of K·e²;
    # 2, as the patches' keys and values are a product of P·e² each.
    weights = t * p * d * e + 2 * (10 * classes * e**2 + 2 * p * e**2)
    return Macs(weights, 2 * 2 * classes * p * e)


def linear(config: ModelConfig, classes: int) -> Macs:
    """The linear head's layer."""
    return Macs(config.geometry().embed * classes)


def text(config: ModelConfig) -> Macs:
    """The text tower for one class, without its last projection."""
    shape = config.geometry()
    one = transformer(1, shape.context, shape.text_width)
    return Macs(*(shape.text_depth * macs for macs in one))


def _integrates(config: ModelConfig) -> bool:
    """Whether a model has multi-frame integration and prompts; plain CLIP has neither."""
    # Here, because a command reads the names and titles above for its help, without loading jax.
    from ila_jax.models.variants import variant

    return variant(config).integrates
