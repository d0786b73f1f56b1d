"""Fine-tuning to other classes: a fresh linear head only when the run asks for it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

import ila_jax
from ila_jax.config import InitialConfig
from ila_jax.train.start import _pretrained
from ila_jax.weights.folder import save


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("weights") / "five"
    save(ila_jax.create("tiny", "spatial", 2, head="linear", classes=5), target)
    return target


def start(folder, **initial):
    """The variables that a run of seven classes starts from, and what it says."""
    pretrained_model = ila_jax.load(folder)
    messages = []
    config = SimpleNamespace(
        initial=InitialConfig(pretrained=str(folder), scratch=False, **initial),
        model=dataclasses.replace(pretrained_model.config, classes=7),
        train=SimpleNamespace(seed=0),
    )
    return (
        _pretrained(SimpleNamespace(config=config), messages.append),
        pretrained_model.variables,
        messages,
    )


def test_other_classes_are_an_error_that_says_what_to_add(folder):
    with pytest.raises(ValueError, match=r"5 classes apart, model.classes is 7: .*reset_head=True"):
        start(folder)


def test_a_reset_head_is_fresh_and_the_rest_is_kept(folder):
    made, pretrained_weights, messages = start(folder, reset_head=True)
    assert made.params["head"]["fc"]["kernel"].shape == (64, 7)
    for part in ("visual", "mit"):
        kernel = ("norm_post", "scale") if part == "visual" else ("block", "norm1", "scale")
        one, other = made.params[part], pretrained_weights.params[part]
        for key in kernel:
            one, other = one[key], other[key]
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        made.params["visual"]["blocks"]["1"]["spatial"]["attn"]["qkv"]["kernel"],
        pretrained_weights.params["visual"]["blocks"]["1"]["spatial"]["attn"]["qkv"]["kernel"],
    )
    assert messages[0] == "the linear head starts fresh, as reset_head asks"
    assert "head/fc/bias" in messages[1]
