"""Folders of Hugging Face and open_clip: what their settings must say."""

import contextlib
import json
import re

import numpy as np
import pytest

from ila_jax.text.tokenizer import vocabulary
from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.names import huggingface
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from ila_jax.weights.foreign.settings import transformers_settings
from ila_jax.weights.foreign.settings.transformers_settings import tables
from tests.weights.test_adapt import clip_state, state_of

pytestmark = pytest.mark.usefixtures("quick_start")

# Of the small CLIP of `clip_state`.
SETTINGS = {
    "model_type": "clip",
    "projection_dim": 64,
    "text_config": {
        "hidden_size": 64, "num_attention_heads": 1, "intermediate_size": 256,
        "num_hidden_layers": 1, "vocab_size": 512, "eos_token_id": 511,
    },
    "vision_config": {
        "hidden_size": 128, "num_attention_heads": 2, "intermediate_size": 512,
        "num_hidden_layers": 1, "image_size": 112, "patch_size": 16,
    },
}  # fmt: skip
OPEN_SETTINGS = {
    "model_cfg": {
        "embed_dim": 64,
        "quick_gelu": True,
        "vision_cfg": {"layers": 1, "width": 128, "patch_size": 16, "image_size": 112},
        "text_cfg": {"layers": 1, "width": 64, "heads": 1, "vocab_size": 512},
    }
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
    official = read(folder(tmp_path, SETTINGS, theirs)).state
    assert official.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(official[name], value, err_msg=name)


@pytest.mark.parametrize("kind", ["bert", "siglip", "clip_vision_model", ["clip"], None])
def test_another_kind_of_model_is_refused(kind, tmp_path):
    with pytest.raises(ValueError, match="expected clip or xclip") as error:
        read(folder(tmp_path, {"model_type": kind}, {"w": np.zeros(3, np.float32)}))
    assert f"of a {kind!r} model" in str(error.value)


STRANGE = [None, True, -1, 0, 1.5, "x", [], [1], {}, {"a": 1}, float("nan")]


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_strange_values_of_any_key_end_in_words(value, tmp_path):
    for section, table in tables("clip").items():
        for key in table:
            values = SETTINGS.get(section, {}) if section else SETTINGS
            changed = values | {key: value}
            settings = SETTINGS | {section: changed} if section else changed
            with contextlib.suppress(ValueError):  # nothing else may come out
                transformers_settings.parse_settings(tmp_path, settings)


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
    foreign = read(folder(tmp_path, SETTINGS, theirs))
    assert list(foreign.skipped) == ["text_model.embeddings.position_ids"]


def test_a_bare_file_of_clip_has_a_note(tmp_path):
    write_safetensors(tmp_path / "clip.safetensors", clip_state())
    (note,) = convert_file(tmp_path / "clip.safetensors", Target()).report.notes
    assert re.search("QuickGELU.*GELU", note)


@pytest.mark.parametrize("table", ["CLIP", "XCLIP"])
def test_no_name_matches_two_rules(table):
    rules = getattr(huggingface, table)
    sources = [rule.source for rule in rules]
    targets = [rule.target for rule in rules]
    assert len(set(sources)) == len(sources)
    assert len(set(targets)) == len(targets)


@pytest.mark.parametrize("name", ["model.safetensors", "model.fp16.safetensors"])
def test_a_file_in_a_folder_goes_with_its_configuration(name, tmp_path):
    theirs = huggingface.from_official(clip_state(), xclip=False)
    text = SETTINGS["text_config"] | {"num_attention_heads": 3}
    folder(tmp_path, SETTINGS | {"text_config": text}, theirs, weights=name)
    with pytest.raises(ValueError, match="num_attention_heads"):
        read(tmp_path / name)
    folder(tmp_path, SETTINGS, theirs, weights=name)
    assert read(tmp_path / name).settings == SETTINGS


def test_shards_without_an_index_are_counted(tmp_path):
    theirs = huggingface.from_official(clip_state(), xclip=False)
    half = dict(list(theirs.items())[::2])
    rest = {name: value for name, value in theirs.items() if name not in half}
    folder(tmp_path, SETTINGS, half, weights="model-00001-of-00002.safetensors")
    with pytest.raises(ValueError, match="1 of 2 shards"):
        read(tmp_path)
    folder(tmp_path, SETTINGS, rest, weights="model-00002-of-00002.safetensors")
    assert read(tmp_path).state.keys() == clip_state().keys()


@pytest.mark.parametrize("file", ["vocab.json", "tokenizer.json"])
def test_another_tokenizer_beside_the_weights_is_refused(file, tmp_path):
    """Its tokens mean other words to the text tower: every answer would be wrong."""
    clip = vocabulary().ids
    path = folder(tmp_path, SETTINGS, huggingface.from_official(clip_state(), xclip=False))
    for ids, right in (
        (clip, True),
        (clip | {"<my-cat>": 49408}, True),
        (clip | {"a</w>": clip["b</w>"], "b</w>": clip["a</w>"]}, False),
        ({"[CLS]": 0, "a": 1}, False),
    ):
        content = ids if file == "vocab.json" else {"model": {"vocab": ids}}
        (path / file).write_text(json.dumps(content))
        if right:
            read(path)
        else:
            with pytest.raises(ValueError, match=f"{file} is another vocabulary than CLIP's"):
                read(path)


def test_a_tokenizer_of_another_kind_is_refused(tmp_path):
    path = folder(tmp_path, SETTINGS, huggingface.from_official(clip_state(), xclip=False))
    for model in ({"type": "Unigram", "vocab": [["a", -1.0]]}, None, []):
        (path / "tokenizer.json").write_text(json.dumps({"model": model}))
        with pytest.raises(ValueError, match=r"tokenizer\.json is another vocabulary"):
            read(path)


@pytest.mark.parametrize("tower", ["text", "vision"])
def test_mlps_of_another_width_are_named_for_what_they_are(tower, tmp_path):
    """As of ViT-bigG: the file and its configuration agree, and ours is another model."""
    state = huggingface.from_official(clip_state(), xclip=False)
    layer = f"{tower}_model.encoder.layers.0.mlp"
    state[f"{layer}.fc1.weight"] = state[f"{layer}.fc1.weight"][:48]
    state[f"{layer}.fc1.bias"] = state[f"{layer}.fc1.bias"][:48]
    state[f"{layer}.fc2.weight"] = state[f"{layer}.fc2.weight"][:, :48]
    part = f"{tower}_config"
    settings = SETTINGS | {part: SETTINGS[part] | {"intermediate_size": 48}}
    with pytest.raises(ValueError, match="rows, four times the width") as error:
        convert_file(folder(tmp_path, settings, state), Target())
    assert "of other weights" not in str(error.value)


def test_siglip_without_its_configuration_is_named(tmp_path):
    state = huggingface.from_official(clip_state(), xclip=False)
    state["vision_model.head.probe"] = np.zeros((1, 1, 128), np.float32)
    write_safetensors(tmp_path / "siglip.safetensors", state)
    with pytest.raises(ValueError, match="they look like SigLIP's"):
        read(tmp_path / "siglip.safetensors")
