"""Bad videos counted: how many are too many, and for what reasons."""

import pytest

from ila_jax.data.video.bad_fraction import counted_reasons, too_many_bad


@pytest.mark.parametrize(
    ("bad", "videos", "fraction", "expected"),
    [(0, 0, 0.0, False), (0, 10, 0.0, False), (1, 10, 0.0, True), (1, 10, 0.1, False),
     (2, 10, 0.1, True), (10, 10, 1.0, False)],
)  # fmt: skip
def test_as_many_as_the_fraction_are_not_too_many(bad, videos, fraction, expected):
    assert too_many_bad(bad, videos, fraction) is expected


def test_reasons_are_counted_in_their_order():
    assert counted_reasons(["EMPTY", "MISSING", "EMPTY"]) == (
        "1 x There is no file at this path.\n  2 x The file is empty."
    )
    assert counted_reasons([]) == ""
