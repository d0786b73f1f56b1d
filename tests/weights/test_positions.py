"""Interpolated position embeddings: exact values, and PyTorch's where it is there."""

import numpy as np
import pytest

from ila_jax.weights.positions import over_grid, over_time

RANDOM = np.random.default_rng(0)


def test_the_same_size_changes_nothing():
    x = RANDOM.standard_normal((5, 3)).astype(np.float32)
    np.testing.assert_array_equal(over_time(x, 5), x)
    np.testing.assert_allclose(over_grid(x, 2), x, atol=1e-7)


def test_twice_the_frames_by_hand():
    x = np.array([[0.0], [4.0]], np.float32)
    np.testing.assert_array_equal(over_time(x, 4), [[0], [1], [3], [4]])


@pytest.mark.parametrize(("old", "new"), [(4, 8), (8, 16), (16, 8), (3, 7)])
def test_time_is_pytorchs(old, new):
    torch = pytest.importorskip("torch")
    x = RANDOM.standard_normal((old, 6)).astype(np.float32)
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(x.T[None].copy()), new, mode="linear", align_corners=False
    )
    np.testing.assert_allclose(over_time(x, new), wanted[0].T.numpy(), atol=1e-6)


def test_twice_the_grid_by_hand():
    """Keys' kernel with -0.5 is 111, 29 and -9 of 128 at distances of ¼, ¾ and 1¼.

    Of the four that it would reach only two are there, and these share the weight.
    """
    patches = np.array([[1.0], [1.0], [0.0], [0.0]])  # an upper row of ones above one of zeros
    rows = over_grid(np.concatenate([[[7.0]], patches]), 4)
    wanted = np.repeat([111 / 102, 111 / 140, 29 / 140, -9 / 102], 4)
    np.testing.assert_allclose(rows[:, 0], [7, *wanted], atol=1e-12)


@pytest.mark.parametrize(("old", "new"), [(7, 8), (7, 14), (16, 24), (14, 7), (24, 16), (14, 5)])
def test_the_grid_is_open_clips(old, new):
    torch = pytest.importorskip("torch")
    x = RANDOM.standard_normal((1 + old * old, 6)).astype(np.float32)
    maps = torch.from_numpy(x[1:].reshape(old, old, 6).transpose(2, 0, 1)[None].copy())
    # The call of open_clip's resize_pos_embed.
    wanted = torch.nn.functional.interpolate(
        maps, size=(new, new), mode="bicubic", antialias=True, align_corners=False
    )
    got = over_grid(x, new)
    np.testing.assert_array_equal(got[0], x[0])
    wanted = wanted[0].numpy().transpose(1, 2, 0).reshape(new * new, 6)
    np.testing.assert_allclose(got[1:], wanted, atol=1e-5)
