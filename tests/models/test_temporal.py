"""The temporal blocks equal plain loops in float64, and keep their invariants."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from ila_jax.models import model
from ila_jax.models.temporal.matching import (
    composed,
    gathered,
    matched,
    matched_on_device,
    put_back,
    similarities,
)
from ila_jax.models.variants import ALIGNING, TEMPORAL
from tests.models import reference, small

ATOL = 1e-5
quick = functools.partial(jax.jit, compiler_options=small.QUICK)


@functools.cache
def applied(temporal, convolutions="k400"):
    """(variables, tokens [b, t, n, d]) -> what the first block makes of them."""
    config = small.config(temporal, convolutions=convolutions)

    def run(variables, x):
        return model.bind(config, variables).visual.blocks[0](x, None)

    return quick(run)


@functools.cache
def towered(temporal):
    config = small.config(temporal)
    return quick(lambda variables, video: model.bind(config, variables).visual(video))


def tokens(frames=small.FRAMES, seed=1):
    return np.random.RandomState(seed).standard_normal((2, frames, 17, 64))


def weights(config):
    """The first block's parameters and statistics, in float64."""
    params, stats = (
        jax.tree.map(lambda x: np.asarray(x, np.float64), tree["visual"]["blocks"]["0"])
        if tree
        else {}
        for tree in small.filled(config)
    )
    return params, stats


def check_against_loops(temporal, convolutions="k400", frames=small.FRAMES):
    """The first block on two clips of random tokens: what it gives, and its loss."""
    config = small.config(temporal, convolutions=convolutions)
    x = tokens(frames)
    y, loss = applied(temporal, convolutions)(small.filled(config), jnp.float32(x))
    loops = [reference.MODELS[temporal].block(clip, *weights(config)) for clip in x]
    np.testing.assert_allclose(y, np.stack([clip for clip, _ in loops]), atol=ATOL, rtol=ATOL)
    assert float(loss) == pytest.approx(np.mean([clip_loss for _, clip_loss in loops]), abs=ATOL)
    return float(loss)


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_a_block_equals_the_loops(temporal):
    loss = check_against_loops(temporal)
    assert (loss > 0) == TEMPORAL[temporal].aligns


def test_ila_token_equals_the_loops():
    assert check_against_loops("ila_token") > 0.01


@pytest.mark.parametrize("temporal", ALIGNING)
def test_the_other_form_of_convolutions_equals_the_loops(temporal):
    check_against_loops(temporal, "ssv2")


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_shuffled_frames_change_the_logits_and_no_tower_that_is_blind_to_order(temporal):
    config = small.config(temporal)
    variables, video = small.filled(config), small.video()
    order = jnp.array([2, 0, 1])
    logits = quick(lambda v, x: model.apply(config, v, x, None, None)[0].logits)
    changed = np.abs(logits(variables, video[:, order]) - logits(variables, video)).max()
    # Plain CLIP takes the mean over the frames, and so knows no order at all.
    assert changed < ATOL if temporal == "clip" else changed > 1e-3
    plain, shuffled = (
        towered(temporal)(variables, clip).class_tokens for clip in (video, video[:, order])
    )
    moved = np.abs(shuffled - plain[:, order]).max()
    assert moved > 1e-3 if reference.MODELS[temporal].sees_order else moved < ATOL


@pytest.mark.parametrize("temporal", ["divided", "ata"])
def test_a_fresh_tower_is_clips(temporal):
    fresh = small.with_new_fresh(small.config(temporal))
    fresh.params["visual"]["temporal_embedding"] = jnp.zeros((small.FRAMES, 64))
    spatial = small.filled(small.config("spatial"))
    fresh_tower = towered(temporal)(fresh, small.video())
    expected = towered("spatial")(spatial, small.video())
    np.testing.assert_allclose(fresh_tower.class_tokens, expected.class_tokens, atol=1e-6)
    np.testing.assert_allclose(fresh_tower.patch_tokens, expected.patch_tokens, atol=1e-5)


@pytest.mark.parametrize("temporal", ["divided", "ata"])
def test_time_attention_starts_as_a_copy_of_the_blocks_own(temporal):
    params = model.initialize(small.config(temporal), 0).params
    for block in params["visual"]["blocks"].values():
        for ours, clips in (("norm", "norm1"), ("attn", "attn")):
            same = jax.tree.map(np.array_equal, block["temporal"][ours], block["spatial"][clips])
            assert jax.tree.all(same)
        assert not np.any(block["temporal"]["fc"]["kernel"])
        assert not np.any(block["temporal"]["fc"]["bias"])
    assert not np.any(params["visual"]["temporal_embedding"])


def static():
    return jnp.repeat(small.video()[:, :1], small.FRAMES, axis=1)


def test_joint_on_a_static_clip_is_spatial():
    variables = small.filled(small.config("joint"))
    variables.params["visual"]["temporal_embedding"] = jnp.zeros((small.FRAMES, 64))
    class_tokens = towered("joint")(variables, static()).class_tokens
    spatial = small.filled(small.config("spatial"))
    expected = towered("spatial")(spatial, static()).class_tokens
    np.testing.assert_allclose(class_tokens, expected, atol=ATOL)


def test_ata_on_a_static_clip_is_divided():
    variables = small.filled(small.config("ata"))  # the same paths, so the same values
    variables.params["visual"]["temporal_embedding"] = jnp.zeros((small.FRAMES, 64))
    aligned, divided = (towered(t)(variables, static()).class_tokens for t in ("ata", "divided"))
    np.testing.assert_allclose(aligned, divided, atol=ATOL)


def test_ata_finds_a_planted_permutation():
    rng = np.random.RandomState(0)
    frame = rng.standard_normal((16, 64))
    moves = [rng.permutation(16) for _ in range(2)]
    frames = [frame]
    for move in moves:
        later = np.empty_like(frame)
        later[move] = frames[-1]  # patch i goes to place move[i]
        frames.append(later)
    pi = composed(matched(similarities(jnp.float32(np.stack(frames)[None]))))
    assert pi[0, 0].tolist() == list(range(16))
    assert pi[0, 1].tolist() == moves[0].tolist()
    assert pi[0, 2].tolist() == moves[1][moves[0]].tolist()


def test_aligning_and_putting_back_cancel():
    x = jnp.float32(tokens()[:, :, 1:])
    pi = composed(matched(similarities(x)))
    assert sorted(pi[0, 1].tolist()) == list(range(16))
    assert pi[0, 1].tolist() != list(range(16))  # or nothing would be moved
    np.testing.assert_array_equal(put_back(gathered(x, pi), pi), x)


def test_patches_move_to_their_tubes_and_back_as_by_hand():
    x = jnp.float32([[[[1], [2], [3]], [[10], [20], [30]], [[100], [200], [300]]]])
    # Patch 0 goes to place 2 and then to 0, patch 1 to 0 and to 2, patch 2 to 1 and stays there.
    pi = jnp.int32([[[0, 1, 2], [2, 0, 1], [0, 2, 1]]])
    assert composed(jnp.int32([[[2, 0, 1], [2, 1, 0]]])).tolist() == pi.tolist()
    assert gathered(x, pi)[0, ..., 0].tolist() == [[1, 2, 3], [30, 10, 20], [100, 300, 200]]
    assert put_back(x, pi)[0, ..., 0].tolist() == [[1, 2, 3], [20, 30, 10], [100, 300, 200]]


def test_the_best_matching_by_hand_is_not_the_greedy_one():
    """The largest, 9, would leave 9 + 0 + 1; the best is 8 + 7 + 1."""
    similarity = jnp.float32([[[[9, 8, 0], [7, 0, 0], [0, 0, 1]]]])
    for solver in (matched, matched_on_device):
        assert solver(similarity).tolist() == [[[1, 0, 2]]]


SIZES_AND_PROBLEMS = [(4, 700), (16, 200), (49, 80), (196, 18), (256, 2)]


@pytest.mark.parametrize(("size", "problems"), SIZES_AND_PROBLEMS)
def test_the_solvers_equal_scipy(size, problems):
    """1,000 random problems in all; one of the solvers is scipy's, fed through a callback."""
    rng = np.random.RandomState(size)
    similarity = rng.standard_normal((problems, 1, size, size)).astype(np.float32)
    on_host = np.asarray(quick(matched)(jnp.asarray(similarity)))
    on_device = np.asarray(quick(matched_on_device)(jnp.asarray(similarity)))
    for i, problem in enumerate(similarity[:, 0]):
        rows, best = linear_sum_assignment(problem, maximize=True)
        assert on_host[i, 0].tolist() == best.tolist()
        assert sorted(on_device[i, 0]) == list(rows)
        total = problem[rows, on_device[i, 0]].sum()
        assert total == pytest.approx(problem[rows, best].sum(), rel=1e-6)


@pytest.mark.parametrize("size", [4, 16, 49])
@pytest.mark.parametrize("solver", [matched, matched_on_device])
def test_the_solvers_find_what_is_the_best_by_construction(solver, size):
    """S_ij = r_i + c_j − gap_ij: no permutation sums to more than Σr + Σc, and the planted does.

    Rows and columns differ by more than the gaps, so that the largest of a row misleads.
    """
    rng = np.random.RandomState(size)
    planted = np.array([rng.permutation(size) for _ in range(10)])
    gaps = rng.uniform(0.1, 1, (10, size, size))
    np.put_along_axis(gaps, planted[..., None], 0, axis=-1)
    rows, columns = 3 * rng.standard_normal((2, 10, size))
    similarity = rows[:, :, None] + columns[:, None] - gaps
    largest = similarity.argmax(axis=-1)
    assert (largest != planted).mean() > 0.5
    sigma = quick(solver)(jnp.float32(similarity[:, None]))
    assert sigma[:, 0].tolist() == planted.tolist()


def test_no_gradient_passes_through_the_matching():
    x = jnp.float32(tokens()[:, :, 1:])
    gradient = jax.grad(lambda z: similarities(z).sum())(x)
    assert not np.any(gradient)


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_a_single_frame_works_or_says_why_not(temporal):
    if TEMPORAL[temporal].aligns:
        with pytest.raises(ValueError, match="at least 2, found 1"):
            check_against_loops(temporal, frames=1)
    else:
        check_against_loops(temporal, frames=1)


@pytest.mark.parametrize("temporal", TEMPORAL)
def test_a_model_of_a_single_frame_has_logits_or_says_why_not(temporal):
    config = small.config(temporal, frames=1)
    tower = functools.partial(model.apply, config, small.filled(config))
    if TEMPORAL[temporal].aligns:
        with pytest.raises(ValueError, match="at least 2, found 1"):
            jax.eval_shape(lambda v: tower(v, None, None), small.video(frames=1))
    else:
        shape = jax.eval_shape(lambda v: tower(v, None, None)[0].logits, small.video(frames=1))
        assert shape.shape == (2, small.CLASSES)
