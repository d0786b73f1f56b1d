"""The table of models.md 8 to two decimals, and the same numbers in the traced programs."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from ila_jax.cost import formulas, traced
from ila_jax.cost.counting import count
from ila_jax.cost.countings import (
    ALIGNING,
    METHODS,
    Setting,
    by_formula,
    by_tracing,
    of_inference_form,
)
from ila_jax.models import model, variants
from ila_jax.models.variants import TEMPORAL
from tests.models.reference import MODELS

# complexity.md: tower; + MIT + prompts at K = 400; + MIT + prompts at K = 1 + text of one class.
TABLE = {name: row.gmacs for name, row in MODELS.items()}
# models.md 3 to 7: what each adds to CLIP's tower at B/32, T = 8.
NEW = {
    "clip": 0,
    "spatial": 0,
    "joint": 6_144,
    "divided": 35_460_096,
    "ata": 35_460_096,
    "xclip": 35_453_952,
    "ila": 40_465_200,
    "ila_ssv2": 77_992_752,
    "ila_token": 17_405_232,
}
SIZES = ["B/32", "B/16", "L/14"]
AGREE = 0.005


def config(key, size="B/32", **changes):
    return Setting(size=size, frames=8, classes=400, **changes).config(METHODS[key])


def test_every_temporal_model_has_a_row_a_formula_and_a_complexity():
    assert {method.temporal for method in METHODS.values()} == TEMPORAL.keys()
    assert TABLE.keys() == TEMPORAL.keys() == formulas.COSTS.keys()
    assert ALIGNING == variants.ALIGNING


@pytest.mark.parametrize("key", TABLE)
def test_the_table_to_two_decimals(key):
    macs = by_formula(config(key), 400)
    columns = ("tower", "text_head", "one_class")
    assert tuple(round(macs[name] / 1e9, 2) for name in columns) == TABLE[key]


@pytest.mark.parametrize("key", METHODS)
def test_the_parts_of_a_profile_add_up_to_the_whole(key):
    model = config(key, "tiny")
    macs = traced.by_part(model, 400)
    assert macs.total() == pytest.approx(by_formula(model, 400)["text_head"], rel=1e-3)
    assert {"MLP", "attention"} <= macs.keys()
    alignment = {"interaction", "point prediction", "alignment, the rest"} & macs.keys()
    assert bool(alignment) == (METHODS[key].temporal in ALIGNING)


@pytest.mark.parametrize(
    ("key", "size", "published"),
    # TimeSformer-B/16's three attentions.
    [("spatial", "B/16", 141), ("joint", "B/16", 180), ("divided", "B/16", 196)],
)
def test_the_formulas_give_published_figures_of_towers(key, size, published):
    assert by_formula(config(key, size), 400)["tower"] / 1e9 == pytest.approx(published, abs=0.6)


@pytest.mark.parametrize(
    ("size", "frames", "published"),
    [("B/32", 8, 39), ("B/32", 16, 75), ("B/16", 8, 145), ("B/16", 16, 287)],
)
def test_the_formulas_give_x_clips_published_figures(size, frames, published):
    row_config = Setting(size=size, frames=frames, classes=400).config(METHODS["xclip"])
    assert by_formula(row_config, 400)["one_class"] / 1e9 == pytest.approx(published, abs=0.6)


@pytest.mark.parametrize("key", NEW)
def test_new_parameters(key):
    assert traced.parameters(config(key)).new == NEW[key]


def test_all_parameters_of_x_clip():
    assert traced.parameters(config("xclip")).total == 196_585_729


def test_parts_add_up_by_hand():
    """Of a small model: T = 2, D = 2, g = 4, d = 64, f = 16."""
    setting = Setting(size="tiny", frames=2, classes=1, resolution=16, channels=16)
    parts = formulas.tower(setting.config(METHODS["ila"]))
    first = 16 * (9 * 128 + 128 * 16 + 9 * 16 * 16 + 9 * 16 * 8) + 4 * 9 * 8 * 8 + 4 * 4 + 2 * 4
    assert parts["convolutions and points"].total == 2 * first
    assert parts["layers on the tokens"].total == 2 * 3 * 2 * 17 * 64**2
    assert parts["interactive map"].total == 2 * (3 * 2 * 16 * 8**2 + 2 * 16 * 8 * 64)
    assert parts["CLIP's block"] == (2 * 12 * 2 * 17 * 64**2, 2 * 2 * 2 * 17**2 * 64)
    assert parts["patches"].total == 3 * 16 * 2 * 16 * 64
    assert parts["class projection"].total == 2 * 64 * 64


@pytest.mark.parametrize(
    ("key", "size"),
    [(key, size) for size in SIZES for key in TABLE]
    + [("ila_ssv2", "B/32"), ("ila_token_ssv2", "B/32")],
)
def test_the_traced_tower_agrees(key, size):
    row_config = config(key, size)
    assert traced.tower(row_config) == pytest.approx(
        by_formula(row_config, 400)["tower"], rel=AGREE
    )


@pytest.mark.parametrize("size", SIZES)
def test_the_traced_heads_agree(size):
    """They are the same for all methods; with the spatial tower they weigh most."""
    spatial = config("spatial", size)
    expected = by_formula(spatial, 400)
    for name, traced_macs in by_tracing(spatial, 400).items():
        assert traced_macs == pytest.approx(expected[name], rel=AGREE), name
    heads = {
        "integration": (traced.integration(spatial), formulas.integration(spatial)),
        "prompts": (traced.prompts(spatial, 400), formulas.prompts(spatial, 400)),
        "linear": (traced.linear(spatial, 400), formulas.linear(spatial, 400)),
        "text": (traced.text(spatial), formulas.text(spatial)),
    }
    for name, (traced_macs, formula) in heads.items():
        assert traced_macs == pytest.approx(formula.total, rel=AGREE), name


@pytest.mark.parametrize("key", METHODS)
def test_the_inference_form_takes_fewer(key):
    """Of a tiny model, T = 8, D = 2, g = 4, P = 16, d = e = 64: what models.md 12 merges."""
    row_config = config(key, "tiny", channels=32, resolution=16)
    before, folded = by_tracing(row_config, 400), of_inference_form(row_config, 400)
    of_a_block = {"divided": 8 * 16, "ata": 8 * 16, "ila": 8 * 17, "ila_ssv2": 8 * 17}
    tower = 2 * of_a_block.get(key, 0) * 64**2
    prompts = 0 if key == "clip" else (8 - 1) * 16 * 64 * 64
    merged = {name: before[name] - macs for name, macs in folded.items()}
    heads = {"text_head": tower + prompts, "one_class": tower + prompts, "linear_head": tower}
    assert merged == {"tower": tower} | heads


@pytest.mark.parametrize("head", ["text", "linear"])
@pytest.mark.parametrize("key", TABLE)
def test_the_parts_are_the_whole_model(key, head):
    row_config = config(key, "tiny")
    expected = by_tracing(row_config, 400)[f"{head}_head"]
    whole = dataclasses.replace(row_config, head=head, classes=None if head == "text" else 400)
    text = jax.ShapeDtypeStruct((400, 64), jnp.float32) if head == "text" else None

    def logits(variables, video, text):
        return model.apply(whole, variables, video, text, None)[0].logits

    macs = count(logits, model.abstract(whole), traced.clip_shape(whole), text)
    assert macs == expected
