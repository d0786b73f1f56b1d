"""What NVIDIA's libraries compute is what the definitions compute.

Without such a GPU the way to cuDNN's attention (padding, lengths, devices) is tested with XLA's in
its place; the convolutions are XLA's everywhere. On one:
ILA_TEST_PLATFORM=cuda python -m pytest -m gpu tests/models/test_nvidia.py
"""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.job.sharding import make_mesh, put_batch
from ila_jax.models import layers, nvidia, own_convolutions
from tests.models.test_layers import normal

BY_XLA = functools.partial(jax.nn.dot_product_attention, implementation="xla")


@pytest.fixture
def by_xla(monkeypatch):
    monkeypatch.setattr(nvidia, "_attention", BY_XLA)


def heads(queries, keys, rows=8):
    return [normal(rows, n, 3, 16, seed=i) for i, n in enumerate((queries, keys, keys))]


def check_gradients(one, other, inputs):
    y, back = jax.vjp(one, *inputs)
    expected, expected_back = jax.vjp(other, *inputs)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    dy = normal(*y.shape, seed=9)
    for gradient, expected in zip(back(dy), expected_back(dy), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-5 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize(("queries", "keys"), [(50, 50), (5, 5), (400, 49), (7, 8), (1, 1)])
def test_an_odd_number_of_tokens_gets_one_that_nobody_reads(by_xla, queries, keys):
    check_gradients(nvidia.attend, layers.attend, heads(queries, keys))


def test_each_device_attends_to_its_own_rows(by_xla):
    inputs = heads(5, 5, rows=16)
    mesh = make_mesh()
    with jax.set_mesh(mesh):
        heads_of = put_batch(mesh, dict(zip("qkv", map(np.asarray, inputs), strict=True)))
        on_mesh = [heads_of[name] for name in "qkv"]
        compiled = jax.jit(nvidia.attend).lower(*on_mesh).compile()
        y = compiled(*on_mesh)
    assert "all-gather" not in compiled.as_text()
    np.testing.assert_allclose(y, layers.attend(*inputs), atol=1e-5)


def gpu(monkeypatch, capability):
    device = SimpleNamespace(compute_capability=capability)
    monkeypatch.setattr(nvidia, "_gpu", lambda: device)


def test_only_what_cudnn_takes_goes_there(monkeypatch):
    q = jnp.zeros((4, 5, 2, 64), jnp.bfloat16)
    gpu(monkeypatch, "9.0")
    assert nvidia.takes(q)
    assert not nvidia.takes(q.astype(jnp.float32))
    assert not nvidia.takes(jnp.zeros((4, 5, 2, 4), jnp.bfloat16))
    assert not nvidia.takes(jnp.zeros((4, 5, 2, 256), jnp.bfloat16))
    with jax.set_mesh(make_mesh()):
        assert not nvidia.takes(q[:3])


@pytest.mark.parametrize(("capability", "takes"), [("7.5", False), ("8.0", True), ("12.0", True)])
def test_only_gpus_that_have_cudnns_attention_get_it(monkeypatch, capability, takes):
    gpu(monkeypatch, capability)
    assert nvidia.takes(jnp.zeros((4, 5, 2, 64), jnp.bfloat16)) == takes


def test_a_processor_is_no_gpu_and_neither_is_one_that_was_chosen():
    with jax.default_device(jax.devices("cpu")[0]):
        assert not nvidia.on_cuda()
    with jax.default_device("cpu"):
        assert not nvidia.on_cuda()


def test_convolutions_are_the_same():
    x = normal(3, 5, 4, 8)
    check_gradients(nvidia.conv3x3, own_convolutions.conv3x3, [x, normal(3, 3, 8, 2, seed=1)])
    check_gradients(
        nvidia.depthwise3x3, own_convolutions.depthwise3x3, [x, normal(3, 3, 8, seed=1)]
    )


@pytest.mark.gpu
@pytest.mark.parametrize(("queries", "keys"), [(50, 50), (257, 257), (400, 49)])
def test_cudnn_rounds_no_worse_than_the_definition(queries, keys):
    wide = [jax.random.normal(jax.random.key(i), (16, n, 4, 64))
            for i, n in enumerate((queries, keys, keys))]  # fmt: skip
    inputs = [x.astype(jnp.bfloat16) for x in wide]
    wide = [x.astype(jnp.float32) for x in inputs]
    with jax.default_matmul_precision("highest"):
        exact, exact_back = jax.vjp(layers.attend, *wide)
    dy = jax.random.normal(jax.random.key(9), exact.shape).astype(jnp.bfloat16)

    def errors(attend):
        y, back = jax.vjp(attend, *inputs)
        pairs = zip([y, *back(dy)], [exact, *exact_back(dy.astype(jnp.float32))], strict=True)
        return [float(jnp.linalg.norm(a - b) / jnp.linalg.norm(b)) for a, b in pairs]

    def defined(q, k, v):
        return jnp.einsum("maij,mjac->miac", layers.attention_weights(q, k).astype(v.dtype), v)

    for by_cudnn, by_definition in zip(errors(nvidia.attend), errors(defined), strict=True):
        assert by_cudnn <= 1.5 * by_definition + 1e-3
