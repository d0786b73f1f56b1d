"""Soft targets, mixup and cutmix against sums done by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.config import AugmentConfig
from ila_jax.train import mixing
from ila_jax.train.mixing import blend_pairs, draw_box, keep_outside, mix, partners, soft_targets

CONFIG = AugmentConfig(
    scales=(1.0,), flip=0.0, jitter=0.0, brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0,
    grayscale=0.0, mixup=0.8, cutmix=1.0, label_smoothing=0.1,
)  # fmt: skip


def batch(b=4, t=2, h=4, w=5):
    video = np.random.default_rng(0).normal(size=(b, t, h, w, 3)).astype(np.float32)
    return video, np.asarray(soft_targets(jnp.arange(b), classes=b, smoothing=0.1))


def test_soft_targets_by_hand():
    targets = soft_targets(jnp.array([2, 0]), classes=4, smoothing=0.2)
    np.testing.assert_allclose(
        targets, [[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]], rtol=1e-6
    )
    hard = soft_targets(jnp.array([1]), classes=2, smoothing=0.0)
    np.testing.assert_array_equal(hard, [[0, 1]])


def test_partners_are_neighbours():
    np.testing.assert_array_equal(partners(jnp.arange(6)[:, None])[:, 0], [1, 0, 3, 2, 5, 4])


def test_mixup_by_hand():
    video, targets = batch()
    mixed, soft = blend_pairs(video, targets, kept=jnp.full((4, 5), 0.7), weight=jnp.array(0.7))
    for i in range(4):
        np.testing.assert_allclose(mixed[i], 0.7 * video[i] + 0.3 * video[i ^ 1], atol=1e-6)
        np.testing.assert_allclose(soft[i], 0.7 * targets[i] + 0.3 * targets[i ^ 1], atol=1e-6)


def test_cutmix_by_hand():
    video, targets = batch()
    kept, weight = keep_outside((1, 3, 2, 5), height=4, width=5)
    assert float(weight) == pytest.approx(1 - 6 / 20)
    mixed, soft = blend_pairs(video, targets, kept=kept, weight=weight)
    expected = video.copy()
    for i in range(4):
        expected[i, :, 1:3, 2:5] = video[i ^ 1, :, 1:3, 2:5]  # the same box in every frame
        np.testing.assert_allclose(soft[i], 0.7 * targets[i] + 0.3 * targets[i ^ 1], atol=1e-6)
    np.testing.assert_array_equal(mixed, expected)


def test_boxes_are_timms():
    """Sides of sqrt(1 - λ), floored, around a centre anywhere, cut at the edges."""
    seen = set()
    for seed in range(200):
        y0, y1, x0, x1 = map(int, draw_box(jax.random.key(seed), 0.5, height=20, width=40))
        assert 0 <= y0 <= y1 <= 20
        assert 0 <= x0 <= x1 <= 40
        assert y1 - y0 <= 14 // 2 * 2
        assert x1 - x0 <= 28 // 2 * 2
        if y0 > 0 and y1 < 20:
            assert y1 - y0 == 14  # ⌊20·√½⌋ = 14
        if x0 > 0 and x1 < 40:
            assert x1 - x0 == 28  # ⌊40·√½⌋ = 28
        seen.add((y0, x0))
    assert len(seen) > 50


def test_weight_is_the_share_of_pixels_kept():
    video, targets = np.ones((2, 1, 32, 32, 3), np.float32), np.eye(2, dtype=np.float32)
    video[1] = 0
    for config in (CONFIG, dataclasses.replace(CONFIG, mixup=0.0)):
        step = jax.jit(lambda key, config=config: mix(video, targets, key=key, config=config))
        for seed in range(20):
            mixed, soft = step(jax.random.key(seed))
            assert float(mixed[0].mean()) == pytest.approx(float(soft[0, 0]), abs=1e-5)
            np.testing.assert_allclose(np.sum(soft, -1), 1, atol=1e-5)


def test_the_coin_is_fair_and_zero_switches_off():
    video, targets = np.ones((2, 1, 16, 16, 3), np.float32), np.eye(2, dtype=np.float32)
    video[1] = 0

    def cut_share(config):
        step = jax.jit(jax.vmap(lambda key: mix(video, targets, key=key, config=config)[0]))
        mixed = np.asarray(step(jax.random.split(jax.random.key(0), 400)))
        return np.mean([np.isin(clips, (0, 1)).all() for clips in mixed])

    assert 0.4 < cut_share(CONFIG) < 0.6
    assert cut_share(dataclasses.replace(CONFIG, mixup=0.0)) == 1
    assert cut_share(dataclasses.replace(CONFIG, cutmix=0.0)) < 0.05
    off = dataclasses.replace(CONFIG, mixup=0.0, cutmix=0.0)
    mixed, soft = mix(video[:1], targets[:1], key=jax.random.key(0), config=off)
    np.testing.assert_array_equal(mixed, video[:1])
    np.testing.assert_array_equal(soft, targets[:1])


@pytest.mark.parametrize("a", [0.8, 1.0])
def test_ratios_are_of_the_beta(a):
    keys = jax.random.split(jax.random.key(0), 4000)
    ratios = np.asarray(jax.vmap(lambda key: mixing.draw_ratio(key, a))(keys))
    assert ratios.mean() == pytest.approx(0.5, abs=0.03)
    assert ratios.var() == pytest.approx(1 / (4 * (2 * a + 1)), rel=0.1)


def test_an_odd_batch_is_refused():
    video, targets = batch(b=3)
    with pytest.raises(ValueError, match=r"batch of 3 clips.*even batch"):
        mix(video, targets, key=jax.random.key(0), config=CONFIG)


def test_sharding_the_clips_changes_nothing_and_moves_none():
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.NamedSharding(mesh, jax.P("data"))
    video, targets = batch(b=16)
    step = jax.jit(lambda v, t: mix(v, t, key=jax.random.key(5), config=CONFIG))
    one = step(video, targets)
    sharded = jax.device_put((video, targets), sharding)
    for single, many in zip(one, step(*sharded), strict=True):
        np.testing.assert_allclose(single, many, atol=1e-6)
    program = step.lower(*sharded).compile().as_text()
    for exchange in ("collective-permute", "all-gather", "all-to-all", "all-reduce"):
        assert exchange not in program
