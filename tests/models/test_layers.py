"""Layers equal plain loops, JAX's own convolutions, or numbers by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from ila_jax.models.convolutions import (
    BatchNorm,
    Conv3x3,
    DepthwiseConv3x3,
    GroupedLinear,
    TemporalConv,
    max_pool2,
)
from ila_jax.models.layers import (
    Attention,
    Dtypes,
    Keys,
    ResidualBlock,
    torch_uniform,
    torch_uniform_bias,
)
from ila_jax.models.own_gradients import quick_gelu
from ila_jax.models.temporal.block import no_loss, patch_maps
from ila_jax.sizes import SIZES, Arithmetic, Geometry

FLOAT32 = Dtypes.of("float32")
BFLOAT16 = Dtypes.of("bfloat16")
ATOL = 1e-5


def normal(*shape, seed=0):
    return jnp.asarray(np.random.RandomState(seed).standard_normal(shape), jnp.float32)


def keys(seed=0):
    return Keys(jax.random.key(seed))


def reference_conv(x, kernel, bias, groups=1):
    return (
        jax.lax.conv_general_dilated(
            x,
            kernel,
            window_strides=(1, 1),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )
        + bias[None, None, None]
    )


def test_conv3x3_is_a_convolution_with_padding_1():
    layer, x = Conv3x3(6, 5, dtypes=FLOAT32, keys=keys()), normal(2, 5, 4, 6)
    expected = reference_conv(x, layer.kernel[...], layer.bias[...])
    np.testing.assert_allclose(layer(x), expected, atol=ATOL)


def test_depthwise_conv3x3_is_a_convolution_with_a_group_a_channel():
    layer, x = DepthwiseConv3x3(6, dtypes=FLOAT32, keys=keys()), normal(2, 5, 4, 6)
    expected = reference_conv(x, layer.kernel[...][:, :, None], layer.bias[...], groups=6)
    np.testing.assert_allclose(layer(x), expected, atol=ATOL)


def test_temporal_conv_equals_a_plain_loop_with_zeros_outside_the_clip():
    layer, x = TemporalConv(4, dtypes=FLOAT32, keys=keys()), normal(2, 5, 2, 3, 4)
    kernel, bias = np.asarray(layer.kernel[...]), np.asarray(layer.bias[...])
    expected = np.zeros(x.shape)
    for t in range(5):
        expected[:, t] = bias
        for i in range(3):
            if 0 <= t + i - 1 < 5:
                expected[:, t] += np.asarray(x[:, t + i - 1]) @ kernel[i]
    np.testing.assert_allclose(layer(x), expected, atol=ATOL)


def test_grouped_linear_equals_a_plain_loop_over_groups():
    layer, x = GroupedLinear(6, 4, 2, dtypes=FLOAT32, keys=keys()), normal(3, 6)
    kernel, bias = np.asarray(layer.kernel[...]), np.asarray(layer.bias[...])
    assert kernel.shape == (3, 4)
    expected = np.zeros((3, 4))
    for out in range(4):
        group = out // 2  # the first two outputs see the first three inputs, and no other
        expected[:, out] = np.asarray(x[:, 3 * group : 3 * group + 3]) @ kernel[:, out] + bias[out]
    np.testing.assert_allclose(layer(x), expected, atol=ATOL)


@pytest.mark.parametrize(("size", "pooled"), [(7, 3), (3, 1), (14, 7), (16, 8), (24, 12)])
def test_max_pool2_drops_an_odd_last_row_and_column(size, pooled):
    x = np.asarray(normal(2, size, size, 3))
    pooled_map = np.asarray(max_pool2(jnp.asarray(x)))
    assert pooled_map.shape == (2, pooled, pooled, 3)
    for i in range(pooled):
        for j in range(pooled):
            window = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            np.testing.assert_array_equal(pooled_map[:, i, j], window.max((1, 2)))


def test_batch_norm_in_training_normalises_by_the_biased_and_keeps_the_unbiased_variance():
    layer = BatchNorm(1, dtypes=FLOAT32)
    layer.scale[...], layer.bias[...] = jnp.array([2.0]), jnp.array([0.5])
    layer.mean[...], layer.var[...] = jnp.array([10.0]), jnp.array([5.0])
    # Mean 3; squared distances 4, 1, 0, 9 are 14: variance 3.5 biased, 14/3 unbiased.
    x = jnp.array([1.0, 2.0, 3.0, 6.0]).reshape(2, 1, 2, 1)
    expected = 2 * (np.array([-2, -1, 0, 3]) / np.sqrt(3.5 + 1e-5)) + 0.5
    np.testing.assert_allclose(layer(x, training=True).ravel(), expected, atol=1e-6)
    np.testing.assert_allclose(layer.mean[...], [0.9 * 10 + 0.1 * 3], rtol=1e-6)
    np.testing.assert_allclose(layer.var[...], [0.9 * 5 + 0.1 * 14 / 3], rtol=1e-6)


def test_batch_norm_in_inference_uses_and_keeps_the_running_statistics():
    layer = BatchNorm(1, dtypes=FLOAT32)
    layer.mean[...], layer.var[...] = jnp.array([10.0]), jnp.array([5.0])
    x = jnp.array([1.0, 14.0]).reshape(2, 1)
    expected = np.array([-9.0, 4.0]) / np.sqrt(5 + 1e-5)
    np.testing.assert_allclose(layer(x, training=False).ravel(), expected, rtol=1e-6)
    assert (float(layer.mean[...][0]), float(layer.var[...][0])) == (10.0, 5.0)


def test_batch_norm_of_a_single_value_keeps_a_finite_variance():
    layer = BatchNorm(2, dtypes=FLOAT32)
    assert jnp.isfinite(layer(normal(1, 1, 1, 2), training=True)).all()
    np.testing.assert_allclose(layer.var[...], [0.9, 0.9], rtol=1e-6)


def test_batch_norm_starts_as_pytorchs():
    layer = BatchNorm(3, dtypes=FLOAT32)
    start = [layer.scale[...], layer.bias[...], layer.mean[...], layer.var[...]]
    np.testing.assert_array_equal(start, [[1] * 3, [0] * 3, [0] * 3, [1] * 3])


def test_quick_gelu_is_z_times_sigmoid_of_1_702_z():
    z = np.array([-3.0, -0.5, 0.0, 1.0, 4.0])
    expected = z / (1 + np.exp(-1.702 * z))
    np.testing.assert_allclose(quick_gelu(jnp.asarray(z, jnp.float32)), expected, atol=1e-6)


def test_layer_norm_has_pytorchs_epsilon():
    layer = FLOAT32.layer_norm(4, keys=keys())
    x = np.array([0.0, 0.001, 0.002, 0.003])  # variance 1.25e-6: flax's 1e-6 would show
    expected = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    np.testing.assert_allclose(layer(jnp.asarray(x, jnp.float32)), expected, rtol=1e-4)


def test_there_is_a_head_for_every_64_channels():
    assert [FLOAT32.heads(width) for width in (64, 512, 768, 1024)] == [1, 8, 12, 16]
    assert Attention(128, dtypes=FLOAT32, keys=keys()).heads == 2
    assert {geometry.image for geometry in SIZES.values()} == {Arithmetic()}
    wide = FLOAT32.having(Arithmetic(head_width=80))
    assert Attention(160, dtypes=wide, keys=keys()).heads == 2
    with pytest.raises(ValueError, match="width 96 is no multiple of 64"):
        Geometry(patch=4, resolution=32, width=96, depth=1, embed=64, text_width=64, text_depth=1)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_equals_a_plain_loop_over_heads(causal):
    layer, x = Attention(128, dtypes=FLOAT32, keys=keys()), normal(2, 5, 128)
    fused = np.asarray(layer.qkv(x), np.float64)
    q, k, v = fused[..., :128], fused[..., 128:256], fused[..., 256:]
    y = np.zeros((2, 5, 128))
    for head in range(2):
        part = slice(64 * head, 64 * head + 64)
        scores = q[..., part] @ k[..., part].transpose(0, 2, 1) / 8  # √64
        if causal:
            scores[:, np.triu_indices(5, 1)[0], np.triu_indices(5, 1)[1]] = -np.inf
        weight = np.exp(scores - scores.max(-1, keepdims=True))
        y[..., part] = weight / weight.sum(-1, keepdims=True) @ v[..., part]
    expected = y @ np.asarray(layer.out.kernel[...]) + np.asarray(layer.out.bias[...])
    np.testing.assert_allclose(layer(x, causal=causal), expected, atol=ATOL)


def test_linear_layers_start_as_pytorchs():
    layer = FLOAT32.linear(100, 400, keys=keys())
    for value in (layer.kernel[...], layer.bias[...]):
        assert float(jnp.abs(value).max()) <= 0.1  # U(±1/√100)
        assert float(value.std()) == pytest.approx(0.1 / np.sqrt(3), rel=0.1)


@pytest.mark.parametrize(
    ("make", "fan_in"),
    [
        (lambda **k: Conv3x3(8, 64, **k), 72),
        (lambda **k: DepthwiseConv3x3(256, **k), 9),
        (lambda **k: TemporalConv(48, **k), 144),
        (lambda **k: GroupedLinear(32, 256, 2, **k), 16),
    ],
    ids=["conv", "depthwise", "temporal", "grouped"],
)
def test_convolutions_start_as_pytorchs(make, fan_in):
    layer, bound = make(dtypes=FLOAT32, keys=keys()), fan_in**-0.5
    for value in (layer.kernel[...], layer.bias[...]):
        assert 0.9 * bound < float(jnp.abs(value).max()) <= bound
        assert float(value.std()) == pytest.approx(bound / np.sqrt(3), rel=0.15)


def test_uniform_initializers_reach_both_bounds_and_no_further():
    for init, shape in ((torch_uniform, (16, 4096)), (torch_uniform_bias(16), (4096,))):
        value = init(jax.random.key(0), shape, jnp.float32)
        assert float(value.max()) == pytest.approx(0.25, rel=0.01)
        assert float(value.min()) == pytest.approx(-0.25, rel=0.01)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda **k: Conv3x3(8, 4, **k), (1, 3, 3, 8)),
        (lambda **k: DepthwiseConv3x3(8, **k), (1, 3, 3, 8)),
        (lambda **k: TemporalConv(8, **k), (1, 3, 2, 2, 8)),
        (lambda **k: GroupedLinear(8, 4, 2, **k), (3, 8)),
        (lambda **k: ResidualBlock(64, **k), (1, 3, 64)),
    ],
    ids=["conv", "depthwise", "temporal", "grouped", "block"],
)
def test_bfloat16_computes_in_bfloat16_and_keeps_float32_parameters(make, shape):
    layer, exact = make(dtypes=BFLOAT16, keys=keys()), make(dtypes=FLOAT32, keys=keys())
    assert {x.dtype for x in jax.tree.leaves(nnx.state(layer))} == {jnp.dtype("float32")}
    x = normal(*shape)
    y = layer(x.astype(jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(y.astype(jnp.float32), exact(x), atol=0.1)


def test_bfloat16_batch_norm_keeps_float32_statistics_of_what_it_saw():
    layer, x = BatchNorm(4, dtypes=BFLOAT16), 100 + normal(64, 4).astype(jnp.bfloat16)
    assert layer(x, training=True).dtype == jnp.bfloat16
    assert {layer.mean[...].dtype, layer.var[...].dtype} == {jnp.dtype("float32")}
    values = np.asarray(x.astype(jnp.float32), np.float64)
    np.testing.assert_allclose(layer.mean[...], 0.1 * values.mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.var[...], 0.9 + 0.1 * values.var(0, ddof=1), rtol=1e-4)


def test_float64_parameters_are_float64_and_bfloat16s_float32():
    assert Dtypes.of("float64").param == jnp.dtype("float64")
    assert Dtypes.of("bfloat16") == Dtypes(jnp.dtype("bfloat16"), jnp.dtype("float32"))


def test_patches_are_a_square_map_of_each_frame_without_the_class_token():
    """Row by row, whatever the width of a token; here 5 numbers of each of 3 × 3 patches."""
    tokens = jnp.arange(2 * 10 * 5, dtype=jnp.float32).reshape(1, 2, 10, 5)
    maps = patch_maps(tokens)
    assert maps.shape == (1, 2, 3, 3, 5)
    np.testing.assert_array_equal(maps[0, 1, 2, 0], tokens[0, 1, 1 + 2 * 3])
    assert no_loss(tokens.astype(jnp.bfloat16)).dtype == jnp.float32
