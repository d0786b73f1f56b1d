"""Folders of open_clip: equal to what open_clip computes, or refused by the key's name."""

import contextlib
import copy
import importlib.util
import json
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax import cli, convert
from ila_jax.models import model
from ila_jax.models.heads import unit
from ila_jax.sizes import Arithmetic
from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.folder import load, save
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.settings import open_clip_settings
from ila_jax.weights.foreign.settings.tables import Inert, OneOf, TensorSize
from ila_jax.weights.verification import verify
from tests.golden import open_clip_cases as cases
from tests.weights.foreign.test_folders import STRANGE

pytestmark = pytest.mark.usefixtures("quick_start")

ARITHMETIC = {
    "as_openai": (Arithmetic(head_width=80), Arithmetic()),
    "wide": (
        Arithmetic(head_width=40, eps=0.05, activation="gelu"),
        Arithmetic(head_width=16, activation="gelu"),
    ),
    "tanh": (
        Arithmetic(head_width=80, activation="gelu_tanh"),
        Arithmetic(eps=0.05, activation="gelu"),
    ),
}


@pytest.mark.parametrize("case", cases.CASES)
def test_equal_to_open_clip(case, tmp_path):
    cases.write_folder(tmp_path, case)
    recognizer = convert_file(tmp_path, Target(frames=len(cases.frames()))).recognizer
    geometry = recognizer.config.geometry()
    assert (geometry.image, geometry.text) == ARITHMETIC[case]
    tower = model.bind(recognizer.config, recognizer.variables).visual
    video = jnp.asarray(cases.frames().transpose(0, 2, 3, 1))[None]
    image = tower(video).class_tokens[0]
    text = recognizer.text_features(cases.tokens())
    scale = jnp.exp(recognizer.variables.params["head"]["logit_scale"])
    expected = cases.expected(case)
    for part, actual in (
        ("image", image), ("text", text), ("logits", scale * unit(image) @ unit(text).T),
    ):  # fmt: skip
        limit = 1e-5 * max(1, np.abs(expected[part]).max())
        np.testing.assert_allclose(actual, expected[part], rtol=0, atol=limit, err_msg=part)


def changed(path, key, value):
    """A folder as OpenAI's, but for one key: `vision.x` is x of vision_cfg."""
    settings = copy.deepcopy(cases.settings("as_openai"))
    part, _, name = key.rpartition(".")
    whole = settings["model_cfg"]
    {"": whole, "file": settings, "vision": whole["vision_cfg"], "text": whole["text_cfg"]}[part][
        name
    ] = value
    cases.write_folder(path, "as_openai")
    (path / "open_clip_config.json").write_text(json.dumps(settings))
    return path


BLOCKS = {
    "block_type": "custom", "qk_norm": True, "scaled_cosine_attn": True, "scale_heads": True,
    "scale_attn_inner": True, "scale_attn": True, "scale_fc": True, "ls_init_value": 1e-5,
    "mlp_ratio": 3.0, "output_tokens": True, "act_kwargs": {"approximate": "tanh"},
    "norm_kwargs": {"bias": False}, "layers": 3, "width": 320, "drop_path": 0.1,
}  # fmt: skip
REFUSED = {
    "embed_dim": 128, "custom_text": True, "multimodal_cfg": {"layers": 1}, "init_logit_bias": -10,
    "nonscalar_logit_scale": True, "quick_gelu": "yes", "new_key": 1, "file.new_section": {},
    **{f"{tower}.{key}": value for tower in ("vision", "text") for key, value in BLOCKS.items()},
    "vision.head_width": 50, "vision.patch_size": 8, "vision.image_size": 32,
    "vision.attentional_pool": True, "vision.no_ln_pre": True, "vision.pool_type": "avg",
    "vision.timm_model_name": "vit_base_patch16_224", "vision.layers": [3, 4, 6, 3],
    "text.context_length": 76, "text.vocab_size": 49408, "text.heads": 3, "text.embed_cls": True,
    "text.no_causal_mask": True, "text.pool_type": "last", "text.proj_bias": True,
    "text.proj_type": "none", "text.hf_model_name": "roberta-base",
    "text.hf_tokenizer_name": "xlm-roberta-base", "text.tokenizer_mode": "clips",
    "text.tokenizer_kwargs": {"clean": "canonicalize"},
}  # fmt: skip


@pytest.mark.parametrize("key", REFUSED)
def test_a_key_is_refused_by_name(key, tmp_path):
    changed(tmp_path, key, REFUSED[key])
    name = key.rpartition(".")[2]
    with pytest.raises(ValueError, match=rf"\b{name} is"):
        convert_file(tmp_path, Target())


INERT = {
    "init_logit_scale": 1.0, "output_dict": True, "cast_dtype": "fp16", "vision.patch_dropout": 0.5,
    "vision.pos_embed_type": "sin_cos_2d", "vision.attn_pooler_queries": 3,
    "vision.attn_pooler_heads": 3, "vision.timm_model_pretrained": True, "vision.timm_pool": "",
    "vision.timm_proj": "mlp", "vision.timm_proj_bias": True, "vision.timm_drop": 0.5,
    "vision.timm_drop_path": 0.5, "vision.final_ln_after_pool": True, "text.pad_id": 9,
    "text.eos_id": 9, "text.hf_model_pretrained": False, "text.hf_proj_type": "linear",
    "text.hf_pooler_type": "cls_pooler", "text.final_ln_after_pool": True,
}  # fmt: skip


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_strange_values_of_any_key_end_in_words(value, tmp_path):
    for part, table in open_clip_settings.TABLES.items():
        for key in table:
            settings = copy.deepcopy(cases.settings("as_openai"))
            section = settings
            for name in part.split(".") if part else ():
                section = section[name]
            section[key] = value
            with contextlib.suppress(ValueError):  # nothing else may come out
                open_clip_settings.parse_settings(tmp_path, settings)


def test_keys_that_change_nothing(tmp_path):
    for number, (key, value) in enumerate(INERT.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        configuration = read(changed(folder, key, value)).configuration
        assert configuration.arithmetic["image"] == ARITHMETIC["as_openai"][0], key
        assert configuration.arithmetic["text"] == ARITHMETIC["as_openai"][1], key


def test_no_key_is_without_a_test():
    names = {"model_cfg": "", "model_cfg.vision_cfg": "vision.", "model_cfg.text_cfg": "text."}
    for part, prefix in names.items():
        for key, meaning in open_clip_settings.TABLES[part].items():
            tested = INERT if isinstance(meaning, Inert) else REFUSED
            if isinstance(meaning, Inert | OneOf | TensorSize):
                assert f"{prefix}{key}" in tested, f"{prefix}{key}"


def test_a_key_that_is_left_out_has_the_librarys_default(tmp_path):
    changed(tmp_path, "text.heads", 8)  # of 8 channels each: fine
    settings = json.loads((tmp_path / "open_clip_config.json").read_text())
    del settings["model_cfg"]["text_cfg"]["heads"]
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings))
    assert read(tmp_path).configuration.arithmetic["text"].head_width == 8
    del settings["model_cfg"]["vision_cfg"]
    (tmp_path / "open_clip_config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="vision_cfg is missing"):
        read(tmp_path)


def test_what_was_honoured_is_said_and_kept(tmp_path):
    cases.write_folder(tmp_path, "wide")
    conversion = convert_file(tmp_path, Target())
    assert conversion.report.notes == [
        "image: heads of 40 channels, gelu, eps 0.05, as open_clip_config.json says",
        "text: heads of 16 channels, gelu, eps 1e-05, as open_clip_config.json says",
    ]
    save(conversion.recognizer, tmp_path / "made")
    assert load(tmp_path / "made").config == conversion.recognizer.config


def test_weights_that_were_not_trained_so_do_not_go_into_a_model(tmp_path):
    cases.write_folder(tmp_path, "wide")
    wide = convert_file(tmp_path, Target()).recognizer.config
    (tmp_path / "other").mkdir()
    cases.write_folder(tmp_path / "other", "as_openai")
    with pytest.raises(ValueError, match=r"image\.activation: quick_gelu in the file, gelu in the"):
        convert_file(tmp_path / "other", Target(config=wide))


def test_without_open_clip_nothing_is_verified(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    cases.write_folder(tmp_path, "wide")
    arguments = ["--input", str(tmp_path), "--verify"]
    assert cli.run(lambda: convert.main(arguments)) == 1
    message = capsys.readouterr().err
    assert "cannot be verified" in message
    assert "pip install 'ila-jax[open-clip]'" in message


@pytest.mark.parametrize("case", ["wide", "tanh"])
def test_open_clip_itself_verifies_its_folders(case, tmp_path):
    if importlib.util.find_spec("open_clip") is None:
        pytest.skip("open_clip is not installed; the outputs above are its own")
    cases.import_open_clip()
    cases.write_folder(tmp_path, case)
    assert "equal to open_clip's model of this folder" in verify(convert_file(tmp_path, Target()))
