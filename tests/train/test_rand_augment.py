"""RandAugment's operations, side by side with Pillow; what is drawn; and that frames stay alike."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from ila_jax.config import AugmentConfig
from ila_jax.train.rand_augment import (
    OPERATIONS,
    Layers,
    after_layer,
    draw_layers,
    rand_augmented,
)

# As many pixels as `equalize` needs to change anything: 255 and more.
SIZE = (20, 30)
SHIFT = Image.Transform.AFFINE
layer = jax.jit(after_layer)


def clips(b: int, t: int = 2) -> np.ndarray:
    """Smooth pictures of 40 to 220 in all channels, and some noise: neighbours are alike."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = np.sin(rng.uniform(0.2, 0.6, (b, t, 3, 1, 1)) * (y + 2 * x) + rng.uniform(0, 6))
    noise = rng.integers(-9, 10, (b, t, *SIZE, 3))
    return (130 + 80 * np.moveaxis(waves, 2, -1) + noise).astype(np.uint8)


def drawn(operation: int, level: float, sign: float, b: int) -> Layers:
    return Layers(jnp.full(b, operation), jnp.full(b, level), jnp.full(b, sign))


def affine(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(
        image.size, SHIFT, matrix, resample=Image.Resampling.BILINEAR, fillcolor=(128,) * 3
    )


def turned(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, resample=Image.Resampling.BILINEAR, fillcolor=(128,) * 3)


def posterized(image: Image.Image, bits: int) -> Image.Image:
    """Pillow takes no 0, which its mask would make black."""
    return ImageOps.posterize(image, bits) if bits else Image.new("RGB", image.size)


def solarize_add(image: Image.Image, added: int) -> Image.Image:
    return image.point([min(255, i + added) if i < 128 else i for i in range(256)] * 3)


# What timm's inc1 does on a Pillow image, by level (0 to 1) and sign.
PILLOW = {
    "auto_contrast": lambda image, v, s: ImageOps.autocontrast(image),
    "equalize": lambda image, v, s: ImageOps.equalize(image),
    "invert": lambda image, v, s: ImageOps.invert(image),
    "posterize": lambda image, v, s: posterized(image, 4 - int(v * 4)),
    "solarize": lambda image, v, s: ImageOps.solarize(image, 256 - int(v * 256)),
    "solarize_add": lambda image, v, s: solarize_add(image, int(v * 110)),
    "contrast": lambda image, v, s: ImageEnhance.Contrast(image).enhance(1 + s * v * 0.9),
    "brightness": lambda image, v, s: ImageEnhance.Brightness(image).enhance(1 + s * v * 0.9),
    "color": lambda image, v, s: ImageEnhance.Color(image).enhance(1 + s * v * 0.9),
    "sharpness": lambda image, v, s: ImageEnhance.Sharpness(image).enhance(1 + s * v * 0.9),
    "rotate": lambda image, v, s: turned(image, 30 * s * v),
    "shear_x": lambda image, v, s: affine(image, (1, 0.3 * s * v, 0, 0, 1, 0)),
    "shear_y": lambda image, v, s: affine(image, (1, 0, 0, 0.3 * s * v, 1, 0)),
    "translate_x": lambda image, v, s: affine(image, (1, 0, 0.45 * s * v * SIZE[1], 0, 1, 0)),
    "translate_y": lambda image, v, s: affine(image, (1, 0, 0, 0, 1, 0.45 * s * v * SIZE[0])),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("level", "sign"), [(0.7, 1), (0.33, -1), (1.0, -1)])
def test_an_operation_is_pillows(name, level, sign):
    video = clips(2)
    result = np.asarray(layer(video, drawn(OPERATIONS.index(name), level, sign, 2)))
    wanted = np.stack(
        [
            [np.asarray(PILLOW[name](Image.fromarray(frame), level, sign)) for frame in clip]
            for clip in video
        ]
    )
    assert result.dtype == np.uint8
    assert not np.array_equal(wanted, video)
    # Products in float32 and in float64 may fall on either side of a whole number.
    np.testing.assert_allclose(result.astype(int), wanted.astype(int), atol=1)
    assert (result != wanted).mean() < 0.05


def test_pictures_of_one_value_are_stretched_to_nothing_else():
    video = np.full((1, 1, *SIZE, 3), 77, np.uint8)
    for name in ("auto_contrast", "equalize"):
        np.testing.assert_array_equal(layer(video, drawn(OPERATIONS.index(name), 1, 1, 1)), video)


def test_what_is_drawn_beyond_the_operations_changes_nothing():
    video = clips(2)
    np.testing.assert_array_equal(layer(video, drawn(len(OPERATIONS), 0.7, 1, 2)), video)


def test_layers_come_one_after_the_other_and_each_clip_has_its_own():
    video = clips(2)
    invert, rotate = OPERATIONS.index("invert"), OPERATIONS.index("rotate")
    layers = Layers(
        jnp.array([[rotate, invert], [invert, rotate]]), jnp.ones((2, 2)), jnp.ones((2, 2))
    )
    result = np.asarray(jax.jit(rand_augmented)(video, layers))
    for clip, order in enumerate(((rotate, invert), (invert, rotate))):
        step_by_step = video[clip : clip + 1]
        for operation in order:
            step_by_step = layer(step_by_step, drawn(operation, 1, 1, 1))
        np.testing.assert_array_equal(result[clip], step_by_step[0])
    # 128 from outside is inverted in the first clip alone.
    assert (result[0, 0, 0, 0] == 127).all()
    assert (result[1, 0, 0, 0] == 128).all()


CONFIG = AugmentConfig(
    scales=(1.0,), flip=0.0, jitter=0.0, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0,
    grayscale=0.0, mixup=0.0, cutmix=0.0, label_smoothing=0.0, randaugment_layers=4,
    randaugment_magnitude=7.0, randaugment_deviation=0.5,
)  # fmt: skip


def test_draws_are_timms():
    layers = draw_layers(jax.random.key(0), 10_000, CONFIG)
    operations, counts = np.unique(layers.operation, return_counts=True)
    assert operations.tolist() == list(range(16))
    # Half of them are not applied; the others are all alike. Five deviations of the counts.
    assert counts[-1] == pytest.approx(20_000, abs=500)
    assert np.ptp(counts[:-1]) < 400
    level = np.asarray(layers.level)
    assert level.mean() == pytest.approx(0.7, abs=0.002)
    assert level.std() == pytest.approx(0.05, abs=0.002)
    assert set(np.unique(layers.sign)) == {-1, 1}
    strong = AugmentConfig(**{**vars(CONFIG), "randaugment_magnitude": 10.0})
    assert float(draw_layers(jax.random.key(0), 100, strong).level.max()) == 1


def test_frames_that_are_alike_stay_so_and_devices_change_nothing():
    video = np.repeat(clips(16, 1), 3, axis=1)
    step = jax.jit(partial(rand_augmented, layers=draw_layers(jax.random.key(5), 16, CONFIG)))
    one = np.asarray(step(video))
    np.testing.assert_array_equal(one, np.repeat(one[:, :1], 3, axis=1))
    assert len(np.unique(np.abs(one.astype(int) - video).sum((1, 2, 3, 4)))) > 10  # clips are not
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    many = step(jax.device_put(video, jax.NamedSharding(mesh, jax.P("data"))))
    np.testing.assert_array_equal(one, many)
