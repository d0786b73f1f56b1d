"""Device augmentation against Pillow, the standard library and hand-made cases."""

import colorsys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from einops import rearrange
from PIL import Image, ImageEnhance

from ila_jax.config import CLIP_PIXELS, IMAGENET_PIXELS, AugmentConfig
from ila_jax.pixels import normalise
from ila_jax.train import augment as aug
from ila_jax.train.augment import Draws, Jitter, draw

CONFIG = AugmentConfig(
    scales=(1.0,), flip=0.5, jitter=0.8, brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1,
    grayscale=0.2, mixup=0.0, cutmix=0.0, label_smoothing=0.0,
)  # fmt: skip
BRIGHTNESS, CONTRAST, SATURATION = range(3)
NO_MIRROR = np.arange(4)
apply = jax.jit(aug.apply)


def clips(b=2, t=3, h=12, w=10, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (b, t, h, w, 3), dtype=np.uint8)


def augment(video, labels, *, key, config, mirror):
    """Drawn and applied, as a training step does."""
    return aug.apply(video, labels, draw(key, len(labels), config), mirror=mirror)


def undone(video) -> np.ndarray:
    """Normalised pixels back on the scale 0 to 255."""
    mean, std = (np.array(x)[None, None, None, None] for x in vars(IMAGENET_PIXELS).values())
    return np.asarray(video) * std + mean


def jitter(b: int, *, factors=(1, 1, 1), hue=0.0, order=(0, 1, 2), hue_at=3) -> Jitter:
    return Jitter(
        jnp.tile(jnp.array([factors], jnp.float32), (b, 1)),
        jnp.full(b, hue),
        jnp.tile(jnp.array([order]), (b, 1)),
        jnp.full(b, hue_at),
    )


def colours_changed(video, **changes) -> np.ndarray:
    """Pixels on the scale 0 to 255 after a jitter that is the same for every clip."""
    b = len(video)
    draws = Draws(jnp.zeros(b, bool), jitter(b, **changes), None)
    return undone(apply(jnp.asarray(video), jnp.zeros(b, int), draws, mirror=NO_MIRROR)[0])


def with_pillow(video, change) -> np.ndarray:
    frames = rearrange(video, "b t h w c -> (b t) h w c")
    done = np.stack([np.asarray(change(Image.fromarray(frame))) for frame in frames])
    return rearrange(done, "(b t) h w c -> b t h w c", b=len(video)).astype(float)


@pytest.mark.parametrize(
    ("operation", "enhance"),
    [
        (BRIGHTNESS, ImageEnhance.Brightness),
        (CONTRAST, ImageEnhance.Contrast),
        (SATURATION, ImageEnhance.Color),
    ],
)
@pytest.mark.parametrize("factor", [0.6, 0.95, 1.4])
def test_blends_are_pillows(operation, enhance, factor):
    video = clips()
    factors = [1.0, 1.0, 1.0]
    factors[operation] = factor
    expected = with_pillow(video, lambda image: enhance(image).enhance(factor))
    # Pillow rounds gray and its mean to whole numbers, and cuts off the fraction of the result.
    np.testing.assert_allclose(colours_changed(video, factors=factors), expected, atol=1.5)


@pytest.mark.parametrize("turns", [-0.1, 0.03, 0.5])
def test_hue_is_that_of_hsv(turns):
    video = clips(b=1, t=2)
    video[0, 0, 0, :4] = [[0, 0, 0], [255, 255, 255], [77, 77, 77], [200, 200, 10]]
    result = colours_changed(video, hue=turns)

    def shifted(pixel):
        h, s, v = colorsys.rgb_to_hsv(*(pixel / 255.0))
        return 255 * np.array(colorsys.hsv_to_rgb((h + turns) % 1, s, v))

    expected = np.apply_along_axis(shifted, -1, video)
    np.testing.assert_allclose(result, expected, atol=2e-3)  # float32 on a scale of 255

    def in_pillow(image):
        h, s, v = image.convert("HSV").split()
        h = Image.fromarray(np.asarray(h) + np.array(turns * 255).astype(np.int32).astype(np.uint8))
        return Image.merge("HSV", (h, s, v)).convert("RGB")

    # Pillow has 256 hues, a step of which is up to 6 of 255 levels, and cuts where and by how much
    # it turns to whole steps: two steps, and the rounding of saturation and value.
    difference = np.abs(result - with_pillow(video, in_pillow))
    assert difference.max() < 16
    assert difference.mean() < 3


def test_gray_is_pillows_and_only_for_the_chosen():
    video = clips()
    draws = Draws(jnp.zeros(2, bool), None, jnp.array([True, False]))
    result = undone(apply(jnp.asarray(video), jnp.zeros(2, int), draws, mirror=NO_MIRROR)[0])
    expected = with_pillow(video, lambda image: image.convert("L").convert("RGB"))
    np.testing.assert_allclose(result[0], expected[0], atol=0.51)  # Pillow rounds
    np.testing.assert_allclose(result[1], video[1], atol=1e-4)


@pytest.mark.parametrize("hue_at", range(4))
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_operations_come_in_the_drawn_order(order, hue_at):
    video = clips(b=1, t=1)
    factors, turns = (1.4, 0.6, 1.2), 0.1
    sequence = [*order[:hue_at], "hue", *order[hue_at:]]

    def in_pillow(image):
        enhances = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
        for step in sequence:
            if step == "hue":
                pixels = np.asarray(image) / 255.0
                hsv = np.apply_along_axis(lambda p: colorsys.rgb_to_hsv(*p), -1, pixels)
                hsv[..., 0] = (hsv[..., 0] + turns) % 1
                rgb = np.apply_along_axis(lambda p: colorsys.hsv_to_rgb(*p), -1, hsv)
                image = Image.fromarray(np.round(rgb * 255).astype(np.uint8))
            else:
                image = enhances[step](image).enhance(factors[step])
        return image

    result = colours_changed(video, factors=factors, hue=turns, order=order, hue_at=hue_at)
    # Four roundings in a row, which later factors enlarge; a wrong order is off by 20 and more.
    np.testing.assert_allclose(result, with_pillow(video, in_pillow), atol=5)


def test_clips_have_their_own_orders():
    video = np.repeat(clips(b=1), 2, axis=0)
    one, two = (jitter(1, factors=(1.4, 0.6, 1.2), hue=0.1, order=o, hue_at=a)
                for o, a in (((0, 1, 2), 1), ((2, 1, 0), 3)))  # fmt: skip
    both = jax.tree.map(lambda *x: jnp.concatenate(x), one, two)
    draws = Draws(jnp.zeros(2, bool), both, None)
    result = undone(apply(jnp.asarray(video), jnp.zeros(2, int), draws, mirror=NO_MIRROR)[0])
    for i, (order, hue_at) in enumerate((((0, 1, 2), 1), ((2, 1, 0), 3))):
        alone = colours_changed(
            video[:1], factors=(1.4, 0.6, 1.2), hue=0.1, order=order, hue_at=hue_at
        )
        np.testing.assert_allclose(result[i], alone[0], atol=1e-3)
    assert np.abs(result[0] - result[1]).max() > 5


def test_flip_swaps_labels_and_obeys_minus_one():
    video = clips(b=4)
    labels = jnp.array([0, 1, 2, 3])
    mirror = np.array([1, 0, 2, -1])  # left, right, neither, a side without a mirror
    result, mirrored = aug.flipped(jnp.asarray(video), labels, jnp.ones(4, bool), mirror=mirror)
    np.testing.assert_array_equal(mirrored, [1, 0, 2, 3])
    np.testing.assert_array_equal(result[:3], video[:3, :, :, ::-1])
    np.testing.assert_array_equal(result[3], video[3])
    same, kept = aug.flipped(jnp.asarray(video), labels, jnp.zeros(4, bool), mirror=mirror)
    np.testing.assert_array_equal(same, video)
    np.testing.assert_array_equal(kept, labels)


def test_minus_one_never_flips_and_half_of_the_others_do():
    video = clips(b=64, t=1, h=2, w=2)
    labels = jnp.arange(64) % 2
    config = AugmentConfig(**{**vars(CONFIG), "jitter": 0.0, "grayscale": 0.0})
    mirror = np.array([2, -1, 0])
    step = jax.jit(lambda key: augment(video, labels, key=key, config=config, mirror=mirror))
    plain, flips = np.asarray(normalise(jnp.asarray(video))), 0
    for seed in range(30):
        result, mirrored = step(jax.random.key(seed))
        np.testing.assert_array_equal(mirrored[1::2], 1)
        np.testing.assert_allclose(result[1::2], plain[1::2], atol=1e-6)
        flips += int((mirrored[::2] == 2).sum())
    assert 0.42 < flips / (30 * 32) < 0.58  # five deviations of a fair coin


def test_every_frame_of_a_clip_is_treated_alike():
    video = np.repeat(clips(b=16, t=1, h=4, w=4), 5, axis=1)
    step = jax.jit(partial(augment, config=CONFIG, mirror=NO_MIRROR))
    result, _ = step(jnp.asarray(video), jnp.zeros(16, int), key=jax.random.key(1))
    result = np.asarray(result)
    np.testing.assert_allclose(result, np.repeat(result[:, :1], 5, axis=1), atol=1e-5)
    changes = np.abs(result - np.asarray(normalise(jnp.asarray(video)))).max((1, 2, 3, 4))
    assert len(np.unique(np.round(changes, 3))) > 8  # and clips are not


def test_draws_are_in_range_and_as_frequent_as_asked():
    draws = draw(jax.random.key(0), 20000, CONFIG)
    factors, hue = np.asarray(draws.jitter.factors), np.asarray(draws.jitter.hue)
    on = hue != 0
    assert abs(on.mean() - 0.8) < 0.015
    assert abs(np.asarray(draws.gray).mean() - 0.2) < 0.015
    assert (factors[~on] == 1).all()
    for column, strength in enumerate((0.4, 0.4, 0.2)):
        chosen = factors[on, column]
        assert 1 - strength <= chosen.min() < 1 - 0.98 * strength
        assert 1 + 0.98 * strength < chosen.max() <= 1 + strength
    assert np.abs(hue).max() <= 0.1
    jittered = draws.jitter
    orders = np.concatenate([jittered.order, jittered.hue_at[:, None]], -1)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert counts.min() > 0.8 * 20000 / 24


def test_normalise_is_numpys():
    video = clips()
    expected = (video - np.array([123.675, 116.28, 103.53])) / np.array([58.395, 57.12, 57.375])
    result = normalise(jnp.asarray(video))
    assert result.dtype == jnp.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


def test_a_model_may_have_pixels_of_its_own():
    video = clips()
    expected = (video / 255 - np.array([0.48145466, 0.4578275, 0.40821073])) / np.array(
        [0.26862954, 0.26130258, 0.27577711]
    )
    found = normalise(jnp.asarray(video), by=CLIP_PIXELS)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    off = AugmentConfig(**{**vars(CONFIG), "flip": 0.0})  # colours change before
    draws = draw(jax.random.key(0), 2, off)
    for each in (draws, draws._replace(jitter=None, gray=None)):
        apply = partial(aug.apply, jnp.asarray(video), jnp.array([0, 1]), each, mirror=NO_MIRROR)
        ours, imagenets = (np.asarray(apply(by=by)[0]) for by in (CLIP_PIXELS, IMAGENET_PIXELS))
        mean, std = (np.array(x)[None, None, None, None] for x in vars(CLIP_PIXELS).values())
        np.testing.assert_allclose(ours * std + mean, undone(imagenets), atol=1e-3)


def test_everything_off_is_normalise():
    off = AugmentConfig(**{**vars(CONFIG), "flip": 0.0, "jitter": 0.0, "grayscale": 0.0})
    video, labels = jnp.asarray(clips()), jnp.array([0, 1])
    result, kept = augment(video, labels, key=jax.random.key(0), config=off, mirror=NO_MIRROR)
    np.testing.assert_array_equal(result, normalise(video))
    np.testing.assert_array_equal(kept, labels)


def test_sharding_the_clips_changes_nothing():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.NamedSharding(mesh, jax.P("data"))
    video, labels = jnp.asarray(clips(b=16)), jnp.arange(16) % 4
    step = jax.jit(partial(augment, config=CONFIG, mirror=np.array([1, 0, 2, -1])))
    one, one_labels = step(video, labels, key=jax.random.key(3))
    many, many_labels = step(
        jax.device_put(video, sharding), jax.device_put(labels, sharding), key=jax.random.key(3)
    )
    np.testing.assert_array_equal(one_labels, many_labels)
    np.testing.assert_allclose(one, many, atol=1e-5)
