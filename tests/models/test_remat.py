"""What is computed again in the backward pass is what was not kept."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.models import model
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


@pytest.mark.parametrize("remat", [pytest.param("dots", marks=pytest.mark.slow), "block"])
def test_loss_statistics_and_gradients_are_the_same(remat):
    kept, again = gradients("none"), gradients(remat)
    assert jax.tree.structure(kept) == jax.tree.structure(again)
    for one, other in zip(jax.tree.leaves(kept), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    assert len(jax.tree.leaves(kept[0][1])) > 0
