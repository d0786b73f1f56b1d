"""Official state dicts: every name has one rule, and what does not fit is told at once."""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest

import ila_jax
from ila_jax.models.model import abstract
from ila_jax.weights.foreign.names import layouts, official
from ila_jax.weights.foreign.names.layouts import Layout
from ila_jax.weights.foreign.names.recognise import recognise, rules_of
from ila_jax.weights.foreign.names.rules import Rule, convert
from tests.golden import cases
from tests.models import small

GOLDEN = Path(__file__).parents[1] / "golden"
MANIFESTS = sorted(path.stem.removeprefix("manifest_") for path in GOLDEN.glob("manifest_*"))
ENTRIES = {"ila_k400_b32_8f": 959, "xclip_b32_8f": 443}  # models.md 9


def shapes(case):
    manifest = json.loads((GOLDEN / f"manifest_{case}.json").read_text())
    return {name: tuple(shape) for name, shape in manifest.items()}


def test_there_are_manifests_of_both_forms():
    assert {recognise(shapes(case)).convolutions for case in MANIFESTS} == {"k400", "ssv2"}


@pytest.mark.parametrize("case", MANIFESTS)
def test_every_official_name_matches_one_rule_and_every_parameter_of_ours_is_filled(case):
    manifest = shapes(case)
    assert len(manifest) == ENTRIES.get(case, len(manifest))
    config = recognise(manifest)
    rules = rules_of(config)
    filled = []
    for name in manifest:
        waived = any(re.fullmatch(pattern, name) for pattern in official.WAIVED)
        matches = [rule for rule in rules if rule.match(name) is not None]
        assert len(matches) == (0 if waived else 1), name
        filled += [rule.match(name) for rule in matches]
        assert all(len(manifest[name]) == rule.layout.rank for rule in matches), name
        assert all(rule.inverse(rule.match(name)) == name for rule in matches), name
    expected = abstract(config)
    assert sorted(filled) == sorted(
        [*small.flat(expected.params), *small.flat(expected.batch_stats)]
    )


@pytest.mark.parametrize(
    ("case", "head", "form", "frames", "size"),
    [
        ("ila_k400_tiny", "text", "k400", 4, "custom"),
        ("ila_k400_tiny16", "text", "k400", 6, "custom"),
        ("ila_ssv2_tiny", "linear", "ssv2", 4, "custom"),
        ("ila_k400_b32_8f", "text", "k400", 8, "B/32"),
    ],
)
def test_the_model_is_read_off_names_and_shapes(case, head, form, frames, size):
    config = recognise(shapes(case))
    assert (config.head, config.convolutions, config.frames, config.size) == (
        head,
        form,
        frames,
        size,
    )
    assert config.classes == (shapes(case)["mit.classify_head.2.weight"][0] if head == "linear"
                             else None)  # fmt: skip
    assert (
        config.channels
        == shapes(case)["visual.transformer.resblocks.0.message_attn.prediction_block.0.weight"][1]
    )


def test_missing_extra_and_misshapen_tensors_are_told_together():
    state = cases.state("ila_ssv2_tiny")
    missing, misshapen = "visual.ln_post.weight", "mit.resblocks.0.mlp.c_fc.weight"
    del state[missing]
    shape = state[misshapen].shape
    state[misshapen] = state[misshapen].T
    state["visual.extra"] = np.zeros(3)
    state["visual.transformer.resblocks.9999x"] = np.zeros((2, 2))
    with pytest.raises(ValueError, match=r"4 tensor\(s\) are wrong") as error:
        ila_jax.from_torch(state)
    assert [line.strip() for line in str(error.value).splitlines()[1:-1]] == [
        f"missing: {missing}",
        f"shape: {misshapen} is {list(shape[::-1])}, expected {list(shape)}",
        "unknown: visual.extra [3], which this model has no place for",
        "unknown: visual.transformer.resblocks.9999x [2, 2], which this model has no place for",
    ]


def test_a_missing_block_is_told_tensor_by_tensor():
    state = cases.state("ila_ssv2_tiny")
    gone = {name for name in state if ".resblocks.0." in name and name.startswith("visual.")}
    for name in gone:
        if "prediction_block.0.weight" not in name and "interactive_block.0.weight" not in name:
            del state[name]
    with pytest.raises(ValueError, match=r"missing: visual\.transformer\.resblocks\.0\.ln_1\.bias"):
        ila_jax.from_torch(state)


@pytest.mark.parametrize(
    "state", [{"bert.x": np.zeros(3)}, {}, {"visual.conv1.weight": np.zeros((2, 2))}]
)
def test_weights_of_something_else_are_told_in_words(state):
    with pytest.raises(
        ValueError, match=r"these weights are of no .* model that is known here"
    ) as error:
        ila_jax.from_torch(state)
    message = str(error.value)
    assert "visual.proj: expected 2 axes, found no such tensor" in message
    if "visual.conv1.weight" in state:
        assert "visual.conv1.weight: expected 4 axes, found [2, 2]" in message


def test_values_land_in_our_layout():
    state = cases.state("ila_ssv2_tiny")
    params = small.flat(cases.recognizer("ila_ssv2_tiny").variables.params)
    official_block = "visual.transformer.resblocks.1"
    linear = state[f"{official_block}.mlp.c_fc.weight"]
    np.testing.assert_array_equal(params["visual/blocks/1/spatial/mlp/fc/kernel"], linear.T)
    convolution = state[f"{official_block}.message_attn.interactive_block.0.weight"]
    ours = params["visual/blocks/1/temporal/interaction/conv1/kernel"]
    assert ours[2, 0, 5, 7] == convolution[7, 5, 2, 0]
    temporal = state[f"{official_block}.message_attn.conv.weight"]
    assert params["visual/blocks/1/temporal/conv/kernel"][2, 3, 1] == temporal[1, 3, 2, 0, 0]
    patches = state["visual.conv1.weight"]  # [d, c, i, j]
    side = patches.shape[2]
    row = (3 * side + 5) * 3 + 2  # pixel (3, 5), channel 2
    np.testing.assert_array_equal(params["visual/embed/patches/kernel"][row], patches[:, 2, 3, 5])
    assert {x.dtype for x in jax.tree.leaves(params)} == {np.dtype("float32")}


LAYOUTS = {
    "same": (layouts.same(2), (3, 4)),
    "linear": (layouts.LINEAR, (3, 4)),
    "convolution": (layouts.CONV_2D, (5, 4, 3, 2)),
    "pointwise": (layouts.POINTWISE_2D, (5, 4, 1, 1)),
    "depthwise": (layouts.DEPTHWISE_2D, (5, 1, 3, 2)),
    "grouped": (layouts.POINTWISE_1D, (5, 4, 1)),
    "temporal": (layouts.TEMPORAL_3D, (5, 4, 3, 1, 1)),
    "positions": (layouts.POSITIONS, (1, 5, 4)),
    "patches": (layouts.PATCHES, (5, 3, 4, 4)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_undo_each_other(name):
    layout, shape = LAYOUTS[name]
    assert len(shape) == layout.rank
    torch = np.arange(np.prod(shape)).reshape(shape)
    jax_ = layout.to_jax(torch)
    np.testing.assert_array_equal(layout.to_torch(jax_), torch)
    np.testing.assert_array_equal(layout.to_jax(layout.to_torch(jax_)), jax_)
    assert sorted(jax_.ravel()) == sorted(torch.ravel())


def test_every_layout_is_tested():
    constants = {value for value in vars(layouts).values() if isinstance(value, Layout)}
    assert constants <= {layout for layout, _ in LAYOUTS.values()}


def test_two_rules_for_one_name_are_a_bug():
    config = recognise(shapes("ila_ssv2_tiny"))
    twice = [*rules_of(config), Rule("visual.{0}.weight", "x/{0}", layouts.LINEAR)]
    twice.append(Rule("visual.proj", "visual/projection/kernel", layouts.same(2)))
    with pytest.raises(AssertionError, match=r"visual\.proj matches 2 rules"):
        convert(cases.state("ila_ssv2_tiny"), twice, abstract(config), waived=official.WAIVED)
