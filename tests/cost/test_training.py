import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.config import from_config, read_config
from ila_jax.cost import counting, formulas, training
from ila_jax.cost.countings import by_formula
from ila_jax.cost.peaks import peak
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.shapes import Training
from ila_jax.train.gradients import gradients as training_gradients
from ila_jax.train.recipe import make_recipe


def traced(temporal, groups):
    """Operations of the gradients of a quickstart clip, in the program; and the config."""
    changed = [("model.temporal", temporal), ("optimizer.groups", groups)]
    config = from_config(read_config("configs/quickstart.py", changed))
    recipe = make_recipe(config, mirror=np.arange(8), steps_per_epoch=8)

    def gradients(variables, video, targets, key):
        training = Training(jnp.float32(0), key)
        whole = Variables(*variables)
        return training_gradients(recipe, whole, video, targets, None, training).grads

    video = jax.ShapeDtypeStruct((1, 4, 32, 32, 3), jnp.float32)
    targets = jax.ShapeDtypeStruct((1, 8), jnp.float32)
    arguments = (model.abstract(config.model), video, targets, jax.random.key(0))
    return 2 * counting.count(gradients, *arguments), config.model


@pytest.mark.parametrize(
    ("temporal", "groups", "apart"),
    [
        ("divided", "scratch", 0),
        ("divided", "ssv2", 0),
        ("xclip", "ssv2", 3e-4),  # what the first block's messages need not pass on
        ("spatial", "ssv2", 0),  # nothing of the tower is trained
        ("ila", "scratch", 3e-3),  # windows of depthwise convolutions, backwards
        ("ila", "ssv2", 2e-2),  # the same, and one of two blocks' inputs
    ],
)
def test_operations_of_a_step_are_those_of_the_program(temporal, groups, apart):
    in_program, config = traced(temporal, groups)
    by_formula = training.flops(config, 8, tower_frozen=groups == "ssv2")
    multiplied_out = saved(config) if temporal == "ila" else 0
    assert by_formula - multiplied_out == pytest.approx(in_program, rel=apart, abs=0)


def saved(config):
    """Operations on a clip that W_i W_c takes away, which ILA's training makes once a step.

    At each place of the maps d² less, forward and for two gradients backward; for the product
    c·d² more, and d² for its bias.
    """
    geometry = config.geometry()
    places, inner = config.frames * geometry.grid**2, config.channels // 2
    return 2 * 3 * geometry.depth * geometry.width**2 * (places - inner - 1)


def test_a_step_that_trains_all_is_three_forward_passes_but_for_the_pixels():
    config = from_config(read_config("configs/k400/b16_8f.py")).model
    forward = 2 * by_formula(config, 400)["text_head"]
    patches = 2 * formulas.tower(config)["patches"].total
    assert training.flops(config, 400, tower_frozen=False) == 3 * forward - patches


@pytest.mark.parametrize(
    ("kind", "bfloat16", "float32"),
    [
        ("Tesla V100-SXM2-32GB", 15.7, 15.7),
        ("Tesla V100-PCIE-16GB", 14.0, 14.0),
        ("NVIDIA A100-SXM4-80GB", 312, 156),
        ("NVIDIA H100 80GB HBM3", 989.5, 494.5),
        ("NVIDIA H100 PCIe", 756.5, 378),
        ("NVIDIA H200", 989.5, 494.5),
        ("NVIDIA L4", 121, 60),
        ("TPU v4", 275, 275),
        ("TPU v5 lite", 197, 197),
        ("TPU v5", 459, 459),
        ("TPU v5p", 459, 459),
        ("TPU v6 lite", 918, 918),
    ],
)
def test_peaks_by_the_names_that_jax_has(kind, bfloat16, float32):
    assert peak(kind, "bfloat16") == pytest.approx(bfloat16 * 1e12)
    assert peak(kind, "float32") == pytest.approx(float32 * 1e12)
    assert peak(kind, "float64") is None


@pytest.mark.parametrize("kind", ["cpu", "NVIDIA L40S", "NVIDIA GeForce RTX 4090", "TPU v4i"])
def test_what_is_not_in_the_table_has_no_peak(kind):
    assert peak(kind, "bfloat16") is None
