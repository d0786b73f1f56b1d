"""Augmentation on the device, inside the jitted step: flip, colours, normalise, erase.

What training.md's table lists under flip, colour jitter, grayscale and pixels, as torchvision
does it on Pillow images, without the rounding to whole numbers after each operation; before the
colours RandAugment, and at last random erasing, both off in the table. Everything is drawn once per
clip: frames of a clip stay alike.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ila_jax.config import IMAGENET_PIXELS, AugmentConfig, Normalisation
from ila_jax.pixels import normalise
from ila_jax.shapes import Labels, Pixels, Video
from ila_jax.train.erasing import Erasing, draw_erasing, erased
from ila_jax.train.rand_augment import Layers, draw_layers, rand_augmented

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as Pillow's grayscale

# Channels first while colours change: operations on whole planes, which vectorize.
Planes = Float[Array, "c b t h w"]
PerClip = Float[Array, "b"]


class Jitter(NamedTuple):
    """The colour changes of a batch, drawn once for each clip.

    factors: of brightness, contrast, saturation (1 changes nothing). hue: in turns of the circle.
    order: of those three, 0 to 2 in each row. hue_at: how many of the three come before the hue.
    """

    factors: Float[Array, "b 3"]
    hue: PerClip
    order: Int[Array, "b 3"]
    hue_at: Int[Array, "b"]


class Draws(NamedTuple):
    """All that is random in the augmentation of a batch, one value a clip.

    flip, gray: whether. All but flip: None when the configuration never applies them.
    """

    flip: Bool[Array, "b"]
    jitter: Jitter | None
    gray: Bool[Array, "b"] | None
    layers: Layers | None = None
    erasing: Erasing | None = None


def draw(key: PRNGKeyArray, clips: int, config: AugmentConfig) -> Draws:
    """The random choices for a batch of so many clips.

    They are arrays over clips, so that sharding them over devices changes nothing.
    """
    flip, jitter, gray = jax.random.split(key, 3)
    # Keys of their own, so that what came later changes nothing that is drawn above.
    layers, erasing = jax.random.fold_in(key, 3), jax.random.fold_in(key, 4)
    return Draws(
        jax.random.bernoulli(flip, config.flip, (clips,)),
        _draw_jitter(jitter, clips, config) if config.jitter > 0 else None,
        jax.random.bernoulli(gray, config.grayscale, (clips,)) if config.grayscale > 0 else None,
        draw_layers(layers, clips, config) if config.randaugment_layers > 0 else None,
        draw_erasing(erasing, clips, config) if config.erasing > 0 else None,
    )


def apply(
    video: Pixels,
    labels: Labels,
    draws: Draws,
    *,
    mirror: Int[Array, "k"] | np.ndarray,
    dtype: DTypeLike = jnp.float32,
    by: Normalisation = IMAGENET_PIXELS,
) -> tuple[Video, Labels]:
    """The augmented and normalised clips in `dtype`, and their labels.

    mirror: `mirror_table` of the classes: the label after a flip, -1 where a flip is forbidden.
    by: as `normalise` takes it.
    """
    with jax.named_scope("augment"):
        video, labels = flipped(video, labels, draws.flip, mirror=mirror)
        if draws.layers is not None:
            video = rand_augmented(video, draws.layers)
        video = normalise(_recoloured(video, draws, dtype), dtype, by=by)
        # Normalised, as the noise is: of deviation 1 around 0.
        return video if draws.erasing is None else erased(video, draws.erasing), labels


def _recoloured(video: Pixels, draws: Draws, dtype: DTypeLike) -> Pixels | Video:
    """The clips after jitter and grayscale; as they are where there is neither."""
    if draws.jitter is None and draws.gray is None:
        return video
    planes = rearrange(video, "b t h w c -> c b t h w").astype(dtype)
    if draws.jitter is not None:
        planes = jittered(planes, draws.jitter)
    if draws.gray is not None:
        planes = jnp.where(_over_planes(draws.gray), luma(planes), planes)
    return rearrange(planes, "c b t h w -> b t h w c")


def flipped(
    video: Pixels,
    labels: Labels,
    flip: Bool[Array, "b"],
    *,
    mirror: Int[Array, "k"] | np.ndarray,
) -> tuple[Pixels, Labels]:
    """Mirrors the chosen clips and their labels; clips of a class whose mirror is -1 stay."""
    mirrored, allowed = _mirrored(labels, jnp.asarray(mirror))
    flip = flip & allowed
    video = jnp.where(rearrange(flip, "b -> b 1 1 1 1"), video[:, :, :, ::-1], video)
    return video, jnp.where(flip if labels.ndim == 1 else flip[:, None], mirrored, labels)


def _mirrored(labels: Labels, mirror: Int[Array, "k"]) -> tuple[Labels, Bool[Array, "b"]]:
    """The labels after a flip, and whether each clip may be flipped."""
    if labels.ndim == 1:
        single = mirror[labels].astype(labels.dtype)
        return single, single >= 0
    never = mirror < 0
    # What may never be flipped is kept in its place here, and its clip is not flipped.
    becomes = jnp.where(never, jnp.arange(len(mirror)), mirror)
    several = jnp.zeros_like(labels).at[:, becomes].max(labels)
    return several, ~(labels & never[None]).any(-1)


def jittered(planes: Planes, jitter: Jitter) -> Planes:
    """Brightness, contrast, saturation and hue in each clip's order.

    Brightness, contrast and saturation are blends toward black, the frame's mean gray and the
    pixel's gray, so one blend a turn serves clips in any order. The hue is shifted once, half-way;
    a clip takes its blends in the turns before or after it.
    """
    early = jitter.hue_at[:, None] > jnp.arange(3)[None]
    planes = _blended(planes, jitter, early)
    planes = shift_hue(planes, jitter.hue)
    return _blended(planes, jitter, ~early)


def luma(planes: Planes) -> Float[Array, "1 b t h w"]:
    """The gray of each pixel, as ITU-R 601 weighs the channels."""
    red, green, blue = jnp.split(planes, 3)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def shift_hue(planes: Planes, turns: PerClip) -> Planes:
    """Turns the hue of HSV, in closed form: value and chroma stay, so no full conversion is needed.

    A channel is V - C·clip(min(k, 4 - k), 0, 1), where k = n + H mod 6, H the hue in sixths of a
    turn and n = 5, 3, 1 for red, green, blue.
    """
    red, green, blue = jnp.split(planes, 3)
    value = jnp.maximum(jnp.maximum(red, green), blue)
    chroma = value - jnp.minimum(jnp.minimum(red, green), blue)
    # Gray has no hue, and gets 0. The inner choice keeps the division from dividing by 0.
    over = jnp.where(chroma > 0, 1 / jnp.where(chroma > 0, chroma, 1), 0)
    hue = jnp.where(
        value == red,
        (green - blue) * over,
        jnp.where(value == green, 2 + (blue - red) * over, 4 + (red - green) * over),
    )
    hue = hue + 6 * _over_planes(turns)

    def channel(n: int) -> Array:
        k = n + hue
        k = k - 6 * jnp.floor(k / 6)
        return value - chroma * jnp.clip(jnp.minimum(k, 4 - k), 0, 1)

    # A hue that stays is left exactly as it is.
    moved = jnp.concatenate([channel(5), channel(3), channel(1)])
    return jnp.where(_over_planes(turns != 0), moved, planes)


def _blended(planes: Planes, jitter: Jitter, active: Bool[Array, "b 3"]) -> Planes:
    """Three turns of brightness, contrast or saturation; a clip's inactive turns change nothing.

    A scan, not a Python loop: XLA's CPU compiler fuses unrolled turns into whatever reads the
    result and then computes all of them anew for each of its reads (20 times slower).
    """
    # Each turn's factor by comparison with 0, 1, 2: cheaper than a gather, and it shards.
    chosen = jitter.order[:, :, None] == jnp.arange(3)[None, None]
    factors = jnp.where(chosen, jitter.factors[:, None, :], 0).sum(-1)
    factors = jnp.where(active, factors, 1)

    def turn(planes: Planes, now: tuple[Array, Array]) -> tuple[Planes, None]:
        factor, kind = map(_over_planes, now)
        gray = luma(planes)
        mean = gray.mean((3, 4), keepdims=True)
        toward = jnp.where(kind == 0, 0, jnp.where(kind == 1, mean, gray))
        return jnp.clip(factor * planes + (1 - factor) * toward, 0, 255), None

    return jax.lax.scan(turn, planes, (factors.T, jitter.order.T))[0]


def _draw_jitter(key: PRNGKeyArray, clips: int, config: AugmentConfig) -> Jitter:
    on, factors, hue, order, hue_at = jax.random.split(key, 5)
    jitter = jax.random.bernoulli(on, config.jitter, (clips,))
    strength = jnp.array([config.brightness, config.contrast, config.saturation], jnp.float32)
    factors = jax.random.uniform(
        factors, (clips, 3), jnp.float32, minval=jnp.maximum(1 - strength, 0), maxval=1 + strength
    )
    hue = jax.random.uniform(hue, (clips,), jnp.float32, minval=-config.hue, maxval=config.hue)
    return Jitter(
        jnp.where(jitter[:, None], factors, 1),
        jnp.where(jitter, hue, 0),
        # An order of three and a place for the hue among them: each of the 24 orders alike.
        jnp.argsort(jax.random.uniform(order, (clips, 3), jnp.float32), axis=-1),
        jax.random.randint(hue_at, (clips,), 0, 4),
    )


def _over_planes(per_clip: Array) -> Array:
    return rearrange(per_clip, "b -> 1 b 1 1 1")
