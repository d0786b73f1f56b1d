"""Models stand side by side under names that tell them apart, and with equally many frames."""

from types import SimpleNamespace

import pytest

from ila_jax.pictures.model_view import check_frames, titles


def models(*values):
    return [
        SimpleNamespace(config=SimpleNamespace(temporal=temporal, frames=frames))
        for temporal, frames in values
    ]


def test_a_title_is_longer_where_two_models_are_of_a_kind():
    three = models(("ila", 8), ("spatial", 8), ("ila", 8))
    assert titles(["first", "second", "third"], three) == ["ila (first)", "spatial", "ila (third)"]


def test_frames_have_to_be_equally_many():
    check_frames(["a", "b"], models(("ila", 8), ("spatial", 8)))
    with pytest.raises(ValueError, match="these take a 8, b 16: give those of one number"):
        check_frames(["a", "b"], models(("ila", 8), ("ila", 16)))
