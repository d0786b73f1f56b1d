"""Folders of Hugging Face and open_clip: what their settings must say."""

import json
import re

import numpy as np
import pytest

from ila_jax.weights import huggingface
from ila_jax.weights.conversion import Wish, convert_file
from ila_jax.weights.files import read
from ila_jax.weights.safetensors_file import write_safetensors
from tests.weights.test_adapt import clip_state, state_of

pytestmark = pytest.mark.usefixtures("quick_start")

SETTINGS = {
    "model_type": "clip",
    "text_config": {"hidden_size": 64, "num_attention_heads": 1, "hidden_act": "quick_gelu"},
    "vision_config": {"hidden_size": 128, "num_attention_heads": 2},
}


def folder(path, settings, state, config="config.json", weights="model.safetensors"):
    (path / config).write_text(json.dumps(settings))
    write_safetensors(path / weights, state)
    return path


@pytest.mark.parametrize("case", ["clip", "xclip_tiny"])
def test_hugging_faces_names_there_and_back(case, tmp_path):
    state = clip_state() if case == "clip" else state_of(case)
    theirs = huggingface.from_official(state, xclip=case != "clip")
    assert len(theirs) > len(state), "q, k and v are three"
    found = read(folder(tmp_path, SETTINGS, theirs)).state
    assert found.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("text_config", "hidden_act", "gelu"),
        ("vision_config", "layer_norm_eps", 1e-6),
        ("vision_config", "num_attention_heads", 4),
    ],
)
def test_a_model_that_computes_something_else_is_refused(part, key, value, tmp_path):
    settings = SETTINGS | {part: SETTINGS[part] | {key: value}}
    theirs = huggingface.from_official(clip_state(), xclip=False)
    with pytest.raises(ValueError, match=rf"give wrong numbers:\s+{part}\.{key} is"):
        read(folder(tmp_path, settings, theirs))


def test_another_kind_of_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="of a 'bert' model: expected clip or xclip"):
        read(folder(tmp_path, {"model_type": "bert"}, {"w": np.zeros(3, np.float32)}))


def test_all_names_that_do_not_fit_are_told_at_once(tmp_path):
    theirs = huggingface.from_official(clip_state(), xclip=False)
    query = "vision_model.encoder.layers.0.self_attn.q_proj.weight"
    del theirs[query]
    theirs["vision_model.adapter"] = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"2 tensor\(s\) are wrong") as error:
        read(folder(tmp_path, SETTINGS, theirs))
    assert f"missing: {query}" in str(error.value)
    assert "unknown: vision_model.adapter [3]" in str(error.value)


def test_counters_of_positions_are_left(tmp_path):
    theirs = huggingface.from_official(clip_state(), xclip=False)
    theirs["text_model.embeddings.position_ids"] = np.arange(77)[None]
    found = read(folder(tmp_path, SETTINGS, theirs))
    assert list(found.left) == ["text_model.embeddings.position_ids"]


OPEN = {"config": "open_clip_config.json", "weights": "open_clip_model.safetensors"}


def test_open_clip_with_quick_gelu_is_read(tmp_path):
    settings = {"model_cfg": {"embed_dim": 64, "quick_gelu": True}}
    conversion = convert_file(folder(tmp_path, settings, clip_state(), **OPEN), Wish())
    assert conversion.official == "CLIP"
    assert conversion.report.notes == []


def test_open_clip_with_gelu_is_refused(tmp_path):
    with pytest.raises(ValueError, match="computes with GELU"):
        read(folder(tmp_path, {"model_cfg": {"embed_dim": 64}}, clip_state(), **OPEN))


def test_a_bare_file_of_clip_has_a_note(tmp_path):
    write_safetensors(tmp_path / "clip.safetensors", clip_state())
    (note,) = convert_file(tmp_path / "clip.safetensors", Wish()).report.notes
    assert re.search("QuickGELU.*GELU", note)


@pytest.mark.parametrize("table", ["CLIP", "XCLIP"])
def test_no_name_matches_two_rules(table):
    rules = getattr(huggingface, table)
    sources = [rule.source for rule in rules]
    targets = [rule.target for rule in rules]
    assert len(set(sources)) == len(sources)
    assert len(set(targets)) == len(targets)
