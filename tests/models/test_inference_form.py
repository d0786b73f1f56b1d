"""The inference form says what the model says, from fewer and other parameters."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from ila_jax.job.sharding import make_mesh, shardings
from ila_jax.models import inference_form, model
from ila_jax.models.convolutions import BatchNorm
from ila_jax.models.inspection import look
from ila_jax.models.layers import Dtypes
from ila_jax.models.model import FoldedVariables, Variables
from ila_jax.models.paths import by_path
from ila_jax.models.variants import ALIGNING, TEMPORAL
from ila_jax.recognizer import Recognizer
from tests.models import small

# Each temporal model, and the second form of its convolutions where it has any.
MODELS = [(name, "k400") for name in TEMPORAL] + [(name, "ssv2") for name in ALIGNING]
TEXT = np.random.RandomState(5).standard_normal((small.CLASSES, 64)).astype(np.float32)
# All blocks are folded alike: one of them is enough, and compiles in half the time.
one_block = functools.partial(small.config, shape=dataclasses.replace(small.SHAPE, depth=1))
FOLDED = one_block("ila", "text")


def outputs(config, variables):
    """Logits, features and losses: a loss tells of all masks of its block.

    Operation by operation: all models share most of them, and no program is compiled for each.
    """
    return model.apply(config, variables, small.video(), jnp.asarray(TEXT), None)[0]


def check_equal(expected, actual):
    scale = float(jnp.abs(expected.logits).max())
    np.testing.assert_allclose(actual.logits, expected.logits, atol=1e-5 * scale, rtol=0)
    np.testing.assert_allclose(actual.features, expected.features, atol=1e-5, rtol=0)
    np.testing.assert_allclose(actual.alignment_loss, expected.alignment_loss, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("temporal", "convolutions"), MODELS)
def test_the_inference_form_says_the_same(temporal, convolutions):
    config = one_block(temporal, "text", convolutions)
    variables = small.filled(config)  # statistics and biases far from those of a fresh model
    folded = model.fold(config, variables)
    assert folded.batch_stats == {}
    check_equal(outputs(config, variables), outputs(config, folded))
    # What pictures show: tokens, attention, points and masks.
    views = (look(config, v, small.video())[0] for v in (variables, folded))
    for expected, actual in zip(*map(jax.tree.leaves, views), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=1e-5)


def test_what_is_folded_is_gone_and_the_rest_is_shared():
    # On the host, where arrays could be changed in place.
    variables = jax.tree.map(np.array, small.filled(FOLDED))
    folded = model.fold(FOLDED, variables)
    before, after = by_path(variables.params), by_path(folded.params)
    block = "visual/blocks/0/temporal/"
    gone = {path.removeprefix(block) for path in before.keys() - after.keys() if block in path}
    norms = {
        f"{part}/norm{number}/{leaf}"
        for part, count in (("interaction", 3), ("prediction", 2))
        for number in range(1, count + 1)
        for leaf in ("scale", "bias")
    }
    merged = {
        f"{layer}/{leaf}" for layer in ("fc", "skip_interactive") for leaf in ("kernel", "bias")
    }
    assert gone == norms | merged
    assert after[f"{block}skip_features/kernel"].shape == (8, 64)
    # No second copy of CLIP's weights: they are the same arrays.
    assert all(after[path] is before[path] for path in after if "/spatial/" in path)
    for path, x in by_path(small.filled(FOLDED).params).items():
        np.testing.assert_array_equal(before[path], x, err_msg=path)
    # Folding again changes nothing.
    assert model.fold(FOLDED, folded) is folded


def test_attention_over_time_takes_its_last_layer_in():
    config = one_block("divided")
    variables = small.filled(config)
    before = by_path(variables.params)
    after = by_path(model.fold(config, variables).params)
    tube = "visual/blocks/0/temporal/"
    out, fc = (np.float64(before[f"{tube}{layer}/kernel"]) for layer in ("attn/out", "fc"))
    np.testing.assert_allclose(after[f"{tube}attn/out/kernel"], out @ fc, atol=1e-5)
    assert f"{tube}fc/kernel" not in after


def test_shapes_are_known_without_weights():
    folded, like = model.fold(FOLDED, small.filled(FOLDED)), model.abstract_folded(FOLDED)
    assert isinstance(like, FoldedVariables)
    shapes = {path: (x.shape, x.dtype) for path, x in by_path(like.params).items()}
    assert shapes == {path: (x.shape, x.dtype) for path, x in by_path(folded.params).items()}


def test_a_model_in_bfloat16_is_folded_in_float32():
    config = one_block("ila", "text", precision="bfloat16")
    folded = model.fold(config, small.filled(config))
    assert {x.dtype.name for x in jax.tree.leaves(folded)} == {"float32"}
    expected = by_path(model.fold(FOLDED, small.filled(FOLDED)).params)
    for path, x in by_path(folded.params).items():
        np.testing.assert_array_equal(x, expected[path], err_msg=path)


def test_weights_that_are_split_over_devices_are_folded_where_they_lie():
    variables = small.filled(FOLDED)
    mesh = make_mesh(jax.devices()[:2], fsdp=2)
    state = variables._asdict()
    with jax.set_mesh(mesh):
        split = Variables(**jax.device_put(state, shardings(mesh, state)))
        folded = model.fold(FOLDED, split)
    expected = by_path(model.fold(FOLDED, variables).params)
    for path, x in by_path(folded.params).items():
        assert len(x.sharding.device_set) == 2, path
        np.testing.assert_allclose(x, expected[path], atol=1e-6, err_msg=path)


def test_a_model_whose_blocks_are_a_loop_is_folded_too():
    config, variables = one_block("ila", "text", remat="dots"), small.filled(FOLDED)
    check_equal(outputs(FOLDED, variables), outputs(config, model.fold(config, variables)))


def test_the_inference_form_cannot_be_trained():
    folded = model.abstract_folded(FOLDED)
    with pytest.raises(ValueError, match="train the model itself"):
        jax.eval_shape(
            functools.partial(model.apply, FOLDED), folded, small.video(), TEXT, small.training()
        )


def test_a_batch_norm_that_nobody_folds_is_named():
    class Odd(nnx.Module):
        def __init__(self):
            self.extra = BatchNorm(3, dtypes=Dtypes.of("float32"))

    with pytest.raises(ValueError, match=r"batch norm extra .*FOLDS"):
        inference_form.fold(Odd())


def test_the_public_face_is_the_same():
    names = ["one", "two", "three", "four", "five"]
    recognizer = Recognizer(FOLDED, small.filled(FOLDED), names).with_views(clips=1, crops=1)
    form = recognizer.for_inference()
    assert isinstance(form.variables, FoldedVariables)
    assert (form.config, form.class_names, form.views) == (FOLDED, tuple(names), recognizer.views)
    assert form.with_classes(names[:3]).variables is form.variables
