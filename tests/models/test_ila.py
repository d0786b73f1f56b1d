"""The released ILA block: CLIP at step 0, and which gradients flow there (models.md 7a)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.config import PointsConfig
from ila_jax.models import model
from ila_jax.models.layers import Dtypes, Keys
from ila_jax.models.model import Variables
from ila_jax.models.temporal.ila import ImplicitAlignment
from ila_jax.models.temporal.interaction import AlignmentForm
from ila_jax.train.losses import cross_entropy
from tests.models import small

FORMS = ["k400", "ssv2"]
FLOAT32 = Dtypes.of("float32")


def tower(config, variables, training=None):
    return model.bind(config, variables).visual(small.video(), training)


def compiled(f, *args):
    return jax.jit(f)(*args)


def outputs(form, run=lambda f, *args: f(*args)):
    """Tower outputs of ILA as it starts, and of spatial attention with the same CLIP weights."""
    ila, spatial = small.config("ila", convolutions=form), small.config("spatial")
    aligned = run(functools.partial(tower, ila), small.with_new_fresh(ila))
    return aligned, run(functools.partial(tower, spatial), small.filled(spatial))


@pytest.mark.parametrize("form", FORMS)
def test_a_fresh_tower_is_clips_exactly(form):
    aligned, clip = outputs(form)
    np.testing.assert_array_equal(aligned.class_tokens, clip.class_tokens)
    np.testing.assert_array_equal(aligned.patch_tokens, clip.patch_tokens)
    assert float(jnp.abs(clip.class_tokens).max()) > 0.1


@pytest.mark.parametrize("form", FORMS)
def test_a_fresh_tower_is_clips_when_compiled(form):
    aligned, clip = outputs(form, run=compiled)
    # Other fusions round otherwise.
    np.testing.assert_allclose(aligned.class_tokens, clip.class_tokens, atol=1e-6)
    np.testing.assert_allclose(aligned.patch_tokens, clip.patch_tokens, atol=1e-6)


def test_a_fresh_tower_is_clips_in_training_as_well():
    config, spatial = small.config("ila"), small.config("spatial")
    aligned = tower(config, small.with_new_fresh(config), small.training())
    clip = tower(spatial, small.filled(spatial))
    np.testing.assert_array_equal(aligned.class_tokens, clip.class_tokens)
    assert float(aligned.alignment_loss.min()) > 0


def test_a_trained_tower_is_not_clips():
    config, spatial = small.config("ila"), small.config("spatial")
    aligned = tower(config, small.filled(config))
    clip = tower(spatial, small.filled(spatial))
    assert float(jnp.abs(aligned.class_tokens - clip.class_tokens).max()) > 0.1


# Paths below a block's `temporal`, by what they are in models.md 7a.
SKIPS = {f"{name}/{leaf}" for name in ("skip_aligned", "skip_interactive") for leaf in
         ("kernel", "bias")}  # fmt: skip
MESSAGE = {"message/kernel", "message/bias", "message_norm/scale", "message_norm/bias"}
LAST_CONVOLUTION = {"prediction/fc2/kernel", "prediction/fc2/bias"}
CLASSIFICATION, FIRST, SECOND = 0, 1, 2  # rows of the gradients: the loss, ℓ of either block


@functools.cache
def gradients(form):
    """{path: gradients [3, …] of the classification loss and of both blocks' ℓ} at step 0."""
    config = small.config("ila", convolutions=form)
    params, batch_stats = small.with_new_fresh(config)
    targets = jnp.asarray(np.eye(small.CLASSES)[:2], jnp.float32)

    def losses(params):
        variables = Variables(params, batch_stats)
        output, _ = model.apply(config, variables, small.video(), None, small.training())
        classification = cross_entropy(output.logits, targets)
        return jnp.concatenate([classification[None], output.alignment_loss])

    jacobian = jax.jit(jax.jacrev(losses), compiler_options=small.QUICK)
    return small.flat(jax.tree.map(np.asarray, jacobian(params)))


def reached(form, loss, prefix):
    """The paths below a prefix whose gradient of a loss is not exactly zero."""
    return {
        path.removeprefix(prefix)
        for path, gradient in gradients(form).items()
        if path.startswith(prefix) and np.any(gradient[loss])
    }


def below(form, prefix):
    return {p.removeprefix(prefix) for p in gradients(form) if p.startswith(prefix)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block", [0, 1])
def test_of_a_blocks_new_parameters_classification_reaches_the_skip_layers_alone(form, block):
    assert reached(form, CLASSIFICATION, f"visual/blocks/{block}/temporal/") == SKIPS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("block", "loss"), [(0, FIRST), (1, SECOND)])
def test_of_a_blocks_new_parameters_its_own_loss_reaches_messages_and_the_last_convolution(
    form, block, loss
):
    paths = reached(form, loss, f"visual/blocks/{block}/temporal/")
    assert paths == MESSAGE | LAST_CONVOLUTION


@pytest.mark.parametrize("form", FORMS)
def test_the_rest_gets_exactly_nothing(form):
    for block in (0, 1):
        prefix = f"visual/blocks/{block}/temporal/"
        rest = below(form, prefix) - SKIPS - MESSAGE - LAST_CONVOLUTION
        assert {path.split("/")[0] for path in rest} == {"interaction", "prediction", "conv", "fc"}
        for loss in (CLASSIFICATION, FIRST, SECOND):
            assert not rest & reached(form, loss, prefix)


@pytest.mark.parametrize("form", FORMS)
def test_the_second_blocks_loss_reaches_clip_and_the_skip_layers_before_it(form):
    first = "visual/blocks/0/"
    assert reached(form, SECOND, f"{first}temporal/") == SKIPS
    assert reached(form, SECOND, f"{first}spatial/") == below(form, f"{first}spatial/")
    assert reached(form, SECOND, "visual/embed/") == below(form, "visual/embed/")


@pytest.mark.parametrize("form", FORMS)
def test_a_blocks_loss_reaches_nothing_behind_it(form):
    assert reached(form, FIRST, "visual/blocks/0/spatial/") == set()
    assert reached(form, FIRST, "visual/blocks/1/") == set()
    assert reached(form, SECOND, "visual/blocks/1/spatial/") == set()
    for loss in (FIRST, SECOND):
        assert reached(form, loss, "mit/") | reached(form, loss, "head/") == set()
        assert reached(form, loss, "visual/norm_post/") == set()


def fresh_block():
    """The first block of a fresh model."""
    config = small.config("ila")
    return model.bind(config, small.with_new_fresh(config)).visual.blocks[0]


def test_a_single_frame_is_refused_in_words():
    with pytest.raises(ValueError, match=r"aligns neighbouring frames.* at least 2, found 1"):
        fresh_block()(jnp.ones((1, 1, 17, 64)), None)


def test_a_fresh_block_points_at_the_centre_of_both_frames():
    temporal = fresh_block().temporal
    _, u = temporal.messages(jax.random.normal(jax.random.key(0), (2, 3, 17, 64)))
    alignment = temporal.align(u, None)
    assert alignment.points.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(alignment.points, jnp.zeros_like(alignment.points))


def test_points_stay_within_three_quarters():
    temporal = fresh_block().temporal
    temporal.prediction.fc2.bias[...] = jnp.asarray([100.0, -100.0, 0.5, 0.0])
    _, u = temporal.messages(jax.random.normal(jax.random.key(0), (1, 2, 17, 64)))
    expected = [[0.75, -0.75], [0.75 * np.tanh(0.5), 0.0]]
    np.testing.assert_allclose(temporal.align(u, None).points[0, 0], expected, atol=1e-6)


def test_the_first_point_masks_the_previous_frame_and_the_second_the_current():
    temporal = fresh_block().temporal
    temporal.prediction.fc2.bias[...] = jnp.asarray([100.0, 0.0, 0.0, 100.0])
    _, u = temporal.messages(jax.random.normal(jax.random.key(0), (1, 2, 17, 64)))
    alignment = temporal.align(u, None)
    previous, current = np.asarray(alignment.previous[0, 0]), np.asarray(alignment.current[0, 0])
    assert previous[:, 3].sum() > 0 == previous[:, 0].sum()  # x: the last column, not the first
    assert current[3].sum() > 0 == current[0].sum()  # y: the last row, not the first


def test_noise_widens_the_masks_in_training():
    temporal = fresh_block().temporal
    _, u = temporal.messages(jax.random.normal(jax.random.key(0), (1, 2, 17, 64)))
    sharp, wide = (temporal.align(u, small.training(noise)).previous for noise in (0.0, 0.2))
    inference = temporal.align(u, None).previous
    np.testing.assert_allclose(sharp, inference, atol=1e-6)
    assert float(jnp.abs(wide - inference).max()) > 0.05


def test_what_is_added_equals_a_plain_loop():
    """Steps 6 to 8, with weights that are not zero, over a block's own masks and features."""
    config = small.config("ila")
    temporal = model.bind(config, small.filled(config)).visual.blocks[0].temporal
    x = jax.random.normal(jax.random.key(1), (2, 4, 17, 64))
    added, _ = temporal(x, None)
    u_class, u = (np.asarray(v) for v in temporal.messages(x))
    alignment = jax.tree.map(np.asarray, temporal.align(jnp.asarray(u), None))
    aligned, g = np.zeros_like(u), np.zeros((2, 4, 4, 4, 8), np.float32)
    for t in range(4):
        masks, features = [], []
        if t < 3:
            masks.append(alignment.previous[:, t])
            features.append(alignment.interactive[:, t, ..., :8])
        if t > 0:
            masks.append(alignment.current[:, t - 1])
            features.append(alignment.interactive[:, t - 1, ..., 8:])
        aligned[:, t] = (sum(masks) / len(masks))[..., None] * u[:, t]
        g[:, t] = sum(features) / len(features)
    interactive = np.asarray(temporal.fc(temporal.conv(jnp.asarray(g))))

    def tokens(maps):
        return np.concatenate([u_class, maps.reshape(2, 4, 16, 64)], axis=2)

    def linear(layer, y):
        return y @ np.asarray(layer.kernel[...]) + np.asarray(layer.bias[...])

    expected = linear(temporal.skip_aligned, tokens(aligned))
    expected += linear(temporal.skip_interactive, tokens(interactive))
    np.testing.assert_allclose(added, expected, atol=2e-5)


@pytest.mark.parametrize(("convolutions", "count"), [("k400", 3_372_100), ("ssv2", 6_499_396)])
def test_a_block_adds_as_many_parameters_as_the_released_one(convolutions, count):
    form = AlignmentForm(
        convolutions, channels=256, points=PointsConfig(reach=0.75, mask_width=1.0)
    )
    make = functools.partial(ImplicitAlignment, 768, form=form, dtypes=FLOAT32)
    state = jax.eval_shape(lambda: params_of(make(keys=Keys(jax.random.key(0)))))
    assert sum(x.size for x in jax.tree.leaves(state)) == count


def params_of(module):
    return model.nnx.to_pure_dict(model.nnx.state(module, model.nnx.Param))
