"""What a folder says of its pixels is what plain CLIP sees; released X-CLIP keeps ImageNet's."""

import json

import pytest

from ila_jax.config import CLIP_PIXELS, IMAGENET_PIXELS, Normalisation
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.names import huggingface
from ila_jax.weights.foreign.names.recognise import recognise
from tests.weights.foreign.test_folders import OPEN_SETTINGS, SETTINGS, folder
from tests.weights.test_adapt import clip_state

OPEN = {"config": "open_clip_config.json", "weights": "open_clip_model.safetensors"}
HALF = Normalisation(mean=(127.5,) * 3, std=(127.5,) * 3)


def pixels_of(path):
    foreign = read(path)
    shapes = {name: value.shape for name, value in foreign.state.items()}
    return recognise(shapes, foreign.configuration).pixels


def hugging_face(path, file=None, processor=None):
    folder(path, SETTINGS, huggingface.from_official(clip_state(), xclip=False))
    if file is not None:
        (path / file).write_text(json.dumps(processor))
    return path


@pytest.mark.parametrize(
    ("preprocess", "want"),
    [
        (None, CLIP_PIXELS),
        ({"mean": [0.48145466, 0.4578275, 0.40821073]}, CLIP_PIXELS),
        ({"mean": [0.5, 0.5, 0.5], "std": 0.5, "size": 224}, HALF),
        ({"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}, IMAGENET_PIXELS),
    ],
)
def test_of_open_clip(preprocess, want, tmp_path):
    settings = OPEN_SETTINGS | ({} if preprocess is None else {"preprocess_cfg": preprocess})
    assert pixels_of(folder(tmp_path, settings, clip_state(), **OPEN)) == want


@pytest.mark.parametrize(
    ("processor", "want"),
    [
        ({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}, HALF),
        ({"size": 224, "do_normalize": True}, CLIP_PIXELS),
        ({"do_normalize": False}, Normalisation(mean=(0.0,) * 3, std=(255.0,) * 3)),
        (
            {"do_rescale": False, "image_mean": [127.5] * 3, "image_std": [127.5] * 3},
            HALF,
        ),
        (
            {"rescale_factor": 1 / 255, "image_mean": [0.485, 0.456, 0.406],
             "image_std": [0.229, 0.224, 0.225]},
            IMAGENET_PIXELS,
        ),
    ],
)  # fmt: skip
def test_of_transformers(processor, want, tmp_path):
    assert pixels_of(hugging_face(tmp_path, "preprocessor_config.json", processor)) == want
    (tmp_path / "new").mkdir()
    nested = {"image_processor": processor, "processor_class": "CLIPProcessor"}
    assert pixels_of(hugging_face(tmp_path / "new", "processor_config.json", nested)) == want


def test_without_a_word_they_are_clips_own(tmp_path):
    assert pixels_of(hugging_face(tmp_path)) == CLIP_PIXELS


def test_what_normalises_nothing_is_refused_by_name(tmp_path):
    wrong = {"image_mean": [0.5, 0.5], "image_std": [0.5, 0, 0.5]}
    with pytest.raises(ValueError, match="describes a model that computes") as error:
        read(hugging_face(tmp_path, "preprocessor_config.json", wrong))
    assert "preprocessor_config.json: image_mean is [0.5, 0.5], expected three" in str(error.value)
    assert "image_std has a number that is not positive" in str(error.value)
    settings = OPEN_SETTINGS | {"preprocess_cfg": {"mean": "grey"}}
    with pytest.raises(ValueError, match=r"preprocess_cfg\.mean is 'grey', expected three numbers"):
        read(folder(tmp_path, settings, clip_state(), **OPEN))


def notes_of(path):
    return read(path).configuration.notes


def test_resizing_is_not_heeded_and_told(tmp_path):
    usual = {"size": 336, "mode": "RGB", "interpolation": "bicubic", "resize_mode": None}
    settings = OPEN_SETTINGS | {"preprocess_cfg": usual}
    assert not notes_of(folder(tmp_path, settings, clip_state(), **OPEN))
    settings = OPEN_SETTINGS | {"preprocess_cfg": usual | {"resize_mode": "squash"}}
    (note,) = notes_of(folder(tmp_path, settings, clip_state(), **OPEN))
    assert "preprocess_cfg.resize_mode is 'squash' and is not heeded" in note
    (tmp_path / "theirs").mkdir()
    cropped = {"do_center_crop": False, "resample": 3, "size": {"shortest_edge": 224}}
    (note,) = notes_of(hugging_face(tmp_path / "theirs", "preprocessor_config.json", cropped))
    assert "preprocessor_config.json: do_center_crop is False" in note


def test_a_key_that_is_not_known_is_refused_by_name(tmp_path):
    settings = OPEN_SETTINGS | {"preprocess_cfg": {"mode": "BGR", "gamma": 2.2}}
    with pytest.raises(
        ValueError, match=r"preprocess_cfg\.gamma is a key that is not known"
    ) as error:
        read(folder(tmp_path, settings, clip_state(), **OPEN))
    assert "preprocess_cfg.mode is 'BGR', expected 'RGB'" in str(error.value)
    (tmp_path / "theirs").mkdir()
    with pytest.raises(ValueError, match=r"preprocessor_config\.json: do_flip_channels is a key"):
        read(
            hugging_face(
                tmp_path / "theirs", "preprocessor_config.json", {"do_flip_channels": True}
            )
        )
