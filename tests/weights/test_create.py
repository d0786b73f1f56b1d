"""A model that is made anew: its seed decides it, and it runs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ila_jax
from ila_jax.models import model
from tests.models import small


@functools.cache
def created(seed):
    return ila_jax.create("tiny", "spatial", 2, head="linear", classes=3, seed=seed)


def test_the_seed_decides_the_weights():
    one, other = created(0).variables.params, created(1).variables.params
    again = ila_jax.create("tiny", "spatial", 2, head="linear", classes=3).variables.params
    jax.tree.map(np.testing.assert_array_equal, one, again)
    kernel = "visual/embed/patches/kernel"
    assert np.all(small.flat(one)[kernel] != small.flat(other)[kernel])


def test_no_two_kernels_start_alike():
    flat = small.flat(created(0).variables.params)
    one, other = (flat[f"visual/blocks/{i}/spatial/mlp/fc/kernel"] for i in (0, 1))
    assert np.all(one != other)


def test_a_created_model_runs():
    logits = created(0).logits(jnp.zeros((1, 2, 32, 32, 3)))
    assert (logits.shape, logits.dtype) == ((1, 3), jnp.float32)


def test_create_takes_the_convolutions_released_with_the_head(monkeypatch):
    monkeypatch.setattr(model, "initialize", lambda config, seed: config)
    assert ila_jax.create("B/32").variables.convolutions == "k400"
    assert ila_jax.create("B/32", head="linear", classes=9).variables.convolutions == "ssv2"
    own = ila_jax.create("B/32", head="linear", classes=9, convolutions="k400").variables
    assert (own.convolutions, own.channels, own.frames, own.dropout) == (
        "k400",
        256,
        8,
        0.5,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "B/33"}, "expected one of tiny, B/32"),
        ({"size": "tiny", "temporal": "none"}, "temporal is 'none': expected one of clip, spatial"),
        ({"size": "tiny", "head": "linear"}, "the linear head needs a number of classes"),
        ({"size": "tiny", "classes": 3}, "the text head takes class names or tokens instead"),
    ],
)
def test_create_says_what_it_cannot_make(arguments, message):
    with pytest.raises(ValueError, match=message):
        ila_jax.create(**arguments)
