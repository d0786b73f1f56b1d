"""Folders of transformers whose configuration is not OpenAI's: equal to the folder's own model."""

import dataclasses
import json
import sys

import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from transformers import CLIPConfig, CLIPModel, XCLIPConfig, XCLIPModel

from ila_jax import cli, convert
from ila_jax.models import model
from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.foreign.settings.tables import OneOf, Supported, TensorSize
from ila_jax.weights.foreign.settings.transformers_settings import tables
from ila_jax.weights.verification import verify
from tests.parity import torch_models as pytorch

FRAMES = 4
G = pytorch.TINY
pytestmark = pytest.mark.usefixtures("quick_start")


def clip(tmp_path, **changes):
    """A folder of CLIPModel, with keys of its sections changed; and the model."""
    towers = changed(pytorch._towers(G), changes)
    return saved(CLIPModel(CLIPConfig(**towers)), tmp_path)


def xclip(tmp_path, **changes):
    towers = pytorch._towers(G) | {"prompt_num_attention_heads": 1}
    towers["vision_config"] |= {
        "num_frames": FRAMES, "mit_hidden_size": G.embed, "mit_intermediate_size": 4 * G.embed,
        "mit_num_attention_heads": 1,
    }  # fmt: skip
    return saved(XCLIPModel(XCLIPConfig(**changed(towers, changes))), tmp_path)


def changed(settings, changes):
    """text__x is x of the section text_config."""
    for key, value in changes.items():
        part, inside, name = key.partition("__")
        (settings[f"{part}_config"] if inside else settings)[name if inside else key] = value
    return settings


def saved(made, folder):
    theirs = pytorch._random(made, seed=0)
    theirs.save_pretrained(folder)
    return theirs


def edit(folder, **changes):
    """Changes keys of a written config.json, as a person does."""
    path = folder / "config.json"
    path.write_text(json.dumps(changed(json.loads(path.read_text()), changes)))


def close(actual, expected):
    limit = 1e-5 * max(1, np.abs(expected).max())
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=limit)


def features_of_clip(theirs):
    """Image features [b, t, e] and text features [k, e] of a CLIPModel."""
    video, tokens = pytorch.video(G, FRAMES), pytorch.tokens(G)
    with torch.no_grad():
        vision = theirs.vision_model(pixel_values=video.flatten(0, 1)).pooler_output
        image = theirs.visual_projection(vision).unflatten(0, video.shape[:2])
        text = theirs.text_projection(theirs.text_model(input_ids=tokens).pooler_output)
    return image.numpy(), text.numpy()


def our_features(recognizer):
    video = jnp.asarray(pytorch.video(G, FRAMES).numpy().transpose(0, 1, 3, 4, 2))
    tower = model.bind(recognizer.config, recognizer.variables).visual
    return tower(video).class_tokens, recognizer.text_features(pytorch.tokens(G).numpy())


HONOURED_OF_CLIP = {
    "vision__num_attention_heads": 4,
    "text__num_attention_heads": 4,
    "vision__hidden_act": "gelu",
    "text__hidden_act": "gelu_pytorch_tanh",
    "vision__layer_norm_eps": 0.05,
    "text__layer_norm_eps": 0.05,
}


def test_keys_of_clip_are_honoured(tmp_path):
    # With an embedding that holds no head of 64: CLIP's has none.
    theirs = clip(tmp_path, projection_dim=32, **HONOURED_OF_CLIP)
    conversion = convert_file(tmp_path, Target(frames=FRAMES))
    actual, expected = our_features(conversion.recognizer), features_of_clip(theirs)
    close(actual[0], expected[0])
    close(actual[1], expected[1])
    assert "equal to transformers' CLIPModel of this folder" in verify(conversion)
    # One that took no notice of the configuration is found out.
    ignored = dataclasses.replace(conversion.foreign.configuration, arithmetic={})
    foreign = dataclasses.replace(conversion.foreign, configuration=ignored)
    with pytest.raises(ValueError, match="CLIPModel of this folder gives something else in image"):
        verify(dataclasses.replace(conversion, foreign=foreign))


def test_without_transformers_a_folder_is_not_verified(tmp_path, monkeypatch, capsys):
    clip(tmp_path)
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert cli.run(lambda: convert.main(["--input", str(tmp_path), "--verify"])) == 1
    message = capsys.readouterr().err
    assert "cannot be verified" in message
    assert "pip install 'ila-jax[convert]'" in message


def test_a_folder_that_transformers_cannot_load_is_not_verified(tmp_path):
    clip(tmp_path)
    conversion = convert_file(tmp_path, Target(frames=FRAMES))
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError, match=r"cannot be verified: transformers .* does not load it"):
        verify(conversion)


@pytest.mark.parametrize("key", HONOURED_OF_CLIP)
def test_each_key_of_clip_matters(key, tmp_path):
    """Or the test above would not see one that is not read."""
    theirs = clip(tmp_path / "all", **HONOURED_OF_CLIP)
    without = {k: v for k, v in HONOURED_OF_CLIP.items() if k != key}
    other = clip(tmp_path / "without", **without)
    other.load_state_dict(theirs.state_dict())
    pairs = zip(features_of_clip(theirs), features_of_clip(other), strict=True)
    assert max(np.abs(one - two).max() for one, two in pairs) > 1e-3


HONOURED_OF_XCLIP = {
    "vision__mit_num_attention_heads": 4,
    "prompt_num_attention_heads": 4,
    "prompt_hidden_act": "gelu",
    "vision__hidden_act": "gelu",
    "vision__layer_norm_eps": 0.05,
    "text__layer_norm_eps": 0.05,
    "vision__num_attention_heads": 4,
}


def logits_of_xclip(theirs):
    with torch.no_grad():
        output = theirs(input_ids=pytorch.tokens(G), pixel_values=pytorch.video(G, FRAMES))
    return output.logits_per_video.numpy()


def test_keys_of_xclip_are_honoured(tmp_path):
    theirs = xclip(tmp_path, **HONOURED_OF_XCLIP)
    conversion = convert_file(tmp_path, Target())
    video = jnp.asarray(pytorch.video(G, FRAMES).numpy().transpose(0, 1, 3, 4, 2))
    logits = conversion.recognizer.logits(video, pytorch.tokens(G).numpy())
    close(logits, logits_of_xclip(theirs))
    assert any("The original release of X-CLIP" in note for note in conversion.report.notes)
    assert "equal to transformers' XCLIPModel of this folder" in verify(conversion)


@pytest.mark.parametrize("key", HONOURED_OF_XCLIP)
def test_each_key_of_xclip_matters(key, tmp_path):
    theirs = xclip(tmp_path / "all", **HONOURED_OF_XCLIP)
    without = {k: v for k, v in HONOURED_OF_XCLIP.items() if k != key}
    other = xclip(tmp_path / "without", **without)
    other.load_state_dict(theirs.state_dict())
    assert np.abs(logits_of_xclip(theirs) - logits_of_xclip(other)).max() > 1e-4


def test_a_section_that_overrides_is_honoured(tmp_path):
    theirs = clip(tmp_path, vision__num_attention_heads=4, text__hidden_act="gelu")
    right = convert_file(tmp_path, Target(frames=FRAMES)).recognizer.config
    settings = json.loads((tmp_path / "config.json").read_text())
    own = {part: dict(settings[f"{part}_config"]) for part in ("text", "vision")}
    # What stands in the sections is wrong, and what overrides them is right.
    edit(
        tmp_path, vision__num_attention_heads=2, text__hidden_act="relu",
        vision_config_dict=own["vision"], text_config_dict=own["text"],
    )  # fmt: skip
    same_features(CLIPModel.from_pretrained(tmp_path).eval(), theirs)
    assert convert_file(tmp_path, Target(frames=FRAMES)).recognizer.config == right
    assert right.geometry().image.head_width == 32
    assert right.geometry().text.activation == "gelu"


def same_features(one, other):
    for actual, expected in zip(features_of_clip(one), features_of_clip(other), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


def test_what_overrides_brings_its_defaults(tmp_path):
    clip(tmp_path, vision__layer_norm_eps=0.05)
    settings = json.loads((tmp_path / "config.json").read_text())
    own = dict(settings["vision_config"])
    del own["layer_norm_eps"]
    edit(tmp_path, vision_config_dict=own)
    recognizer = convert_file(tmp_path, Target(frames=FRAMES)).recognizer
    assert recognizer.config.geometry().image.eps == 1e-5
    reloaded = CLIPModel.from_pretrained(tmp_path)
    assert reloaded.config.vision_config.layer_norm_eps == 1e-5


REFUSED_OF_CLIP = {
    "text__eos_token_id": 5,
    "text__hidden_act": "relu",
    "vision__layer_norm_eps": 0,
    "vision__num_attention_heads": 3,
    "text__num_attention_heads": None,
    "vision__num_channels": 4,
    "vision__hidden_size": 64,
    "vision__image_size": 32,
    "vision__patch_size": 8,
    "vision__num_hidden_layers": 3,
    "vision__intermediate_size": 128,
    "text__hidden_size": 128,
    "text__intermediate_size": 128,
    "text__num_hidden_layers": 3,
    "text__vocab_size": 49408,
    "text__max_position_embeddings": 76,
    "text__pruned_heads": {"0": [1]},
    "text__model_type": "bert",
    "vision__architectures": ["SiglipVisionModel"],
    "vision__rope_theta": 10000.0,
    "projection_dim": 128,
    "architectures": ["CLIPVisionModelWithProjection"],
    "model_type": "xclip",
    "quantization_config": {"bits": 4},
    "auto_map": {"AutoModel": "modeling.Mine"},
    "logit_bias": 3.0,
    "tokenizer_class": "BertTokenizer",
}


@pytest.mark.parametrize("key", REFUSED_OF_CLIP)
def test_a_key_of_clip_is_refused_by_name(key, tmp_path):
    clip(tmp_path, text__eos_token_id=2)
    edit(tmp_path, **{key: REFUSED_OF_CLIP[key]})
    with pytest.raises(ValueError, match=key.replace("__", r"_config\.")):
        convert_file(tmp_path, Target(frames=FRAMES))


REFUSED_OF_XCLIP = {
    "prompt_layers": 3,
    "prompt_hidden_act": "silu",
    "prompt_num_attention_heads": 3,
    "prompt_gate": True,
    "vision__mit_num_hidden_layers": 2,
    "vision__mit_num_attention_heads": 0,
    "vision__mit_hidden_size": 512,
    "vision__mit_intermediate_size": 64,
    "vision__num_frames": 16,
    "model_type": "clip",
}


@pytest.mark.parametrize("key", REFUSED_OF_XCLIP)
def test_a_key_of_xclip_is_refused_by_name(key, tmp_path):
    xclip(tmp_path)
    edit(tmp_path, **{key: REFUSED_OF_XCLIP[key]})
    if key == "model_type":
        edit(tmp_path, architectures=["CLIPModel"])
    with pytest.raises(ValueError, match=key.replace("__", r"_config\.")):
        convert_file(tmp_path, Target())


def test_a_key_that_is_left_out_has_the_librarys_default(tmp_path):
    clip(tmp_path)
    path = tmp_path / "config.json"
    settings = json.loads(path.read_text())
    del settings["vision_config"]["num_attention_heads"]  # 12, by default
    path.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"num_attention_heads is 12, which does not divide"):
        convert_file(tmp_path, Target(frames=FRAMES))


def test_no_key_is_without_a_test():
    """And those that the tables call inert change nothing, whatever they say."""
    honoured, refused = HONOURED_OF_CLIP | HONOURED_OF_XCLIP, REFUSED_OF_CLIP | REFUSED_OF_XCLIP
    for section, table in tables("xclip").items():
        prefix = section.replace("_config", "__")
        for key, meaning in table.items():
            if isinstance(meaning, Supported) and not key.startswith(("text_", "vision_")):
                assert f"{prefix}{key}" in honoured | refused, f"{prefix}{key}"
            if isinstance(meaning, OneOf):
                keys = {f"{part}{key}" for part in ("", "text__", "vision__")}
                assert keys & refused.keys(), f"{prefix}{key}"
            if isinstance(meaning, TensorSize):
                assert f"{prefix}{key}" in refused, f"{prefix}{key}"
