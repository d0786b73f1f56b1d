"""Random erasing: where its boxes lie, by hand, and what is in them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.train import augment
from ila_jax.train.erasing import Erasing, boxes, draw_erasing, erased
from tests.train.test_rand_augment import CONFIG

ERASING = type(CONFIG)(**{**vars(CONFIG), "randaugment_layers": 0, "erasing": 0.25})


def one(*, area, ratio, row, column, on=True) -> Erasing:
    single = (jnp.float32([x]) for x in (area, ratio, row, column))
    return Erasing(jnp.array([on]), *single, jnp.uint32([7]))


def box(erasing: Erasing) -> list[int]:
    return [int(side[0]) for side in boxes(erasing, height=20, width=30)]


def test_boxes_by_hand():
    # A quarter of 600 pixels, six times as wide as high: 5 by 30, which is too wide; then a tenth.
    tries = one(area=[1 / 4, 1 / 10], ratio=[1 / 6, 5 / 3], row=0.0, column=0.999)
    assert box(tries) == [0, 10, 24, 30]
    assert box(one(area=[1 / 10], ratio=[5 / 3], row=0.999, column=0.5)) == [10, 20, 12, 18]
    assert box(one(area=[1 / 10], ratio=[5 / 3], row=0.5, column=0.5, on=False)) == [10, 10, 15, 15]
    none_fits = one(area=[1.0, 1.0], ratio=[1.0, 2.0], row=0.0, column=0.0)
    assert box(none_fits) == [0, 0, 0, 0]


def test_a_box_of_noise_is_the_same_in_all_frames_and_nothing_else_changes():
    video = jnp.full((2, 3, 20, 30, 3), 9.0)
    tries = [
        one(area=[1 / 10], ratio=[5 / 3], row=0.999, column=0.5, on=on) for on in (True, False)
    ]
    both = jax.tree.map(lambda *x: jnp.concatenate(x), *tries)
    result = np.asarray(erased(video, both))
    noise = result[0, 0, 10:20, 12:18]
    assert abs(noise.mean()) < 0.3
    assert noise.std() == pytest.approx(1, abs=0.2)
    wanted = np.full((2, 3, 20, 30, 3), 9.0, np.float32)
    wanted[0, :, 10:20, 12:18] = noise
    np.testing.assert_array_equal(result, wanted)


def test_draws_are_timms():
    draws = draw_erasing(jax.random.key(0), 4000, ERASING)
    assert float(draws.on.mean()) == pytest.approx(0.25, abs=0.035)
    assert 0.02 <= float(draws.area.min()) < 0.021
    assert 0.33 < float(draws.area.max()) <= 1 / 3 + 1e-6
    assert float(jnp.log(draws.ratio).mean()) == pytest.approx(0, abs=0.02)
    assert float(draws.ratio.max()) == pytest.approx(1 / 0.3, abs=0.01)
    y0, y1, x0, x1 = (np.asarray(side) for side in boxes(draws, height=20, width=30))
    share = ((y1 - y0) * (x1 - x0) / 600)[np.asarray(draws.on)]
    assert 0.01 < share.min() < 0.03
    assert 0.25 < share.max() < 0.36
    assert (y0.min(), x0.min(), y1.max(), x1.max()) == (0, 0, 20, 30)


def test_what_was_drawn_before_stays_as_it_was():
    """These two options change nothing of what is drawn for the others."""
    plain = type(CONFIG)(**{**vars(CONFIG), "randaugment_layers": 0, "flip": 0.5, "jitter": 0.8})
    both = type(CONFIG)(**{**vars(plain), "randaugment_layers": 2, "erasing": 0.25})
    before, now = (augment.draw(jax.random.key(1), 16, config) for config in (plain, both))
    assert before.layers is before.erasing is None
    assert jax.tree.all(jax.tree.map(np.array_equal, before[:3], now[:3]))


def test_a_step_with_both_is_a_function_of_its_key():
    config = type(CONFIG)(**{**vars(CONFIG), "randaugment_layers": 2, "erasing": 1.0})
    video = np.random.default_rng(0).integers(0, 256, (4, 2, 8, 8, 3), np.uint8)
    mirror = np.array([1, 0])

    @partial(jax.jit)
    def step(key):
        draws = augment.draw(key, 4, config)
        return augment.apply(jnp.asarray(video), jnp.int32([0, 1, 0, 1]), draws, mirror=mirror)

    (one, labels), (two, _) = step(jax.random.key(3)), step(jax.random.key(3))
    np.testing.assert_array_equal(one, two)
    assert one.dtype == jnp.float32
    np.testing.assert_array_equal(labels, [0, 1, 0, 1])
    assert not np.array_equal(one, step(jax.random.key(4))[0])
