"""Convolutions and their gradients equal those of `lax.conv`."""

import jax
import pytest

from ila_jax.models.own_convolutions import conv3x3, depthwise3x3, narrowing_conv3x3
from tests.models.test_own_gradients import check_gradients


def lax_conv(x, kernel, groups=1):
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )  # fmt: skip


CASES = {
    "conv3x3": (conv3x3, lax_conv, [(3, 5, 4, 6), (3, 3, 6, 2)]),
    "conv3x3 of one place": (conv3x3, lax_conv, [(3, 1, 1, 6), (3, 3, 6, 7)]),
    "narrowing conv3x3": (narrowing_conv3x3, lax_conv, [(3, 5, 4, 8), (3, 3, 8, 2)]),
    "depthwise3x3": (
        depthwise3x3,
        lambda x, kernel: lax_conv(x, kernel[:, :, None], groups=x.shape[-1]),
        [(3, 5, 4, 6), (3, 3, 6)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_convolutions_are_those_of_lax(name):
    check_gradients(*CASES[name])
