"""What is computed again in the backward pass is what was not kept."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.models import model
from ila_jax.models.barriers import compiler_options
from ila_jax.models.model import Variables
from ila_jax.shapes import Training
from tests.models import small


def gradients(remat):
    """Loss, running statistics and gradients of an ILA."""
    config = dataclasses.replace(small.config("ila"), remat=remat)
    variables = small.filled(config)
    side = config.geometry().resolution
    shape = (2, config.frames, side, side, 3)
    video = jnp.float32(np.random.RandomState(0).standard_normal(shape))
    training = Training(jnp.float32(0.2), jax.random.key(0))

    def loss(params):
        whole = Variables(params, variables.batch_stats)
        output, batch_stats = model.apply(config, whole, video, None, training)
        return (output.logits**2).sum() + output.alignment_loss.sum(), batch_stats

    return jax.jit(jax.value_and_grad(loss, has_aux=True))(variables.params)


@pytest.mark.slow
@pytest.mark.parametrize("remat", ["dots", "block"])
def test_loss_statistics_and_gradients_are_the_same(remat):
    kept, again = gradients("none"), gradients(remat)
    assert jax.tree.structure(kept) == jax.tree.structure(again)
    for one, other in zip(jax.tree.leaves(kept), jax.tree.leaves(again), strict=True):
        # Of an array's largest value: its small ones are sums of large ones of either sign. Which
        # products are fused depends on the processor, and 1e-6 does not hold on every one.
        atol = 1e-5 * max(1.0, float(np.abs(one).max()))
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=atol)
    assert len(jax.tree.leaves(kept[0][1])) > 0


@pytest.mark.slow
def test_a_large_model_takes_less_memory_when_blocks_are_computed_again():
    kept, again = working_memory("none"), working_memory("block")
    assert again < 0.6 * kept, f"{again >> 20} of {kept >> 20} MiB"


def working_memory(remat):
    """Bytes that XLA plans for the gradients of a clip of B/16's 16 frames, beside its inputs."""
    config = small.config("ila", size="B/16", frames=16, channels=512, shape=None, remat=remat)
    shapes = model.abstract(config)
    side = config.geometry().resolution
    video = jax.ShapeDtypeStruct((1, config.frames, side, side, 3), jnp.float32)

    def loss(params, batch_stats, video):
        training = Training(jnp.float32(0.2), jax.random.key(0))
        output, _ = model.apply(config, Variables(params, batch_stats), video, None, training)
        return output.logits.sum() + output.alignment_loss.sum()

    gradients = jax.jit(jax.grad(loss), compiler_options=compiler_options(jax.default_backend()))
    compiled = gradients.lower(*shapes, video).compile()
    return compiled.memory_analysis().temp_size_in_bytes
