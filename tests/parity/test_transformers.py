"""CLIP and X-CLIP equal transformers' own models with random weights."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from ila_jax.models import model
from ila_jax.weights.conversion import Target, convert_file
from ila_jax.weights.state_dict import from_torch, official_state, to_torch
from tests.parity import torch_models as pytorch

SIZES = ["tiny", pytest.param("B/32", marks=pytest.mark.slow)]
FRAMES = 4
pytestmark = pytest.mark.usefixtures("quick_start")


def ours(video):
    return jnp.asarray(video.numpy().transpose(0, 1, 3, 4, 2))


def image_features(recognizer, video):
    tower = model.bind(recognizer.config, recognizer.variables).visual
    return np.asarray(tower(ours(video)).class_tokens)


def theirs_of_clip(theirs, video, tokens):
    """Image features [b, t, e], text features [k, e], logits [k, b·t]."""
    with torch.no_grad():
        pixels = video.flatten(0, 1)
        out = theirs(input_ids=tokens, pixel_values=pixels)
        image = theirs.visual_projection(theirs.vision_model(pixel_values=pixels).pooler_output)
        text = theirs.text_projection(theirs.text_model(input_ids=tokens).pooler_output)
    shape = (*video.shape[:2], -1)
    return image.reshape(shape).numpy(), text.numpy(), out.logits_per_text.numpy()


def compare_clip(recognizer, theirs, geometry, atol, logits_atol):
    video, tokens = pytorch.video(geometry, FRAMES), pytorch.tokens(geometry)
    image, text, logits = theirs_of_clip(theirs, video, tokens)
    got_image = image_features(recognizer, video)
    got_text = np.asarray(recognizer.text_features(tokens.numpy()))
    close(got_image, image, atol)
    close(got_text, text, atol)
    unit = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (got_image, got_text)]
    scale = np.exp(recognizer.variables.params["head"]["logit_scale"])
    got = scale * unit[1] @ unit[0].reshape(-1, unit[0].shape[-1]).T
    np.testing.assert_allclose(got, logits, rtol=0, atol=logits_atol)


def close(actual, expected, atol):
    """Relative to the largest value, which random weights put above one."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("size", SIZES)
def test_clip_of_a_folder(size, tmp_path):
    geometry = pytorch.GEOMETRIES[size]
    theirs = pytorch.clip(geometry)
    theirs.save_pretrained(tmp_path)
    conversion = convert_file(tmp_path, Target(frames=FRAMES))
    assert conversion.recognizer.config.size == ("custom" if size == "tiny" else size)
    compare_clip(conversion.recognizer, theirs, geometry, 1e-5, 1e-5)


@pytest.mark.parametrize(
    ("form", "precision"),
    [
        ("pytorch_model.bin", torch.float32),
        ("pytorch_model.bin", torch.bfloat16),
        ("before 1.6", torch.float16),
        ("shards", torch.bfloat16),
        ("shards", torch.float16),
    ],
)
def test_clip_as_repositories_of_the_hub_hold_it(form, precision, tmp_path):
    geometry = pytorch.GEOMETRIES["tiny"]
    theirs = pytorch.clip(geometry).to(precision)
    if form == "shards":
        theirs.save_pretrained(tmp_path, max_shard_size="200KB")
        assert len(list(tmp_path.glob("model-*.safetensors"))) > 1, "the test wants shards"
    else:
        theirs.config.save_pretrained(tmp_path)
        new = form != "before 1.6"
        state, file = theirs.state_dict(), tmp_path / "pytorch_model.bin"
        torch.save(state, file, _use_new_zipfile_serialization=new)
    conversion = convert_file(tmp_path, Target(frames=FRAMES))
    name = str(precision).removeprefix("torch.")
    assert {value.dtype.name for value in conversion.foreign.state.values()} == {name}
    compare_clip(conversion.recognizer, theirs.float(), geometry, 1e-5, 1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_clip_of_an_archive_in_half_precision(size, tmp_path):
    geometry = pytorch.GEOMETRIES[size]
    theirs = pytorch.clip(geometry)
    state = official_of(theirs, tmp_path)
    pytorch.openai_archive(tmp_path / "clip.pt", geometry, state)
    conversion = convert_file(tmp_path / "clip.pt", Target(frames=FRAMES))
    assert set(conversion.foreign.state) == set(torch_state(tmp_path / "clip.pt"))
    # Logits are cosines times 14: what half precision rounds off the cosines grows as much.
    compare_clip(conversion.recognizer, theirs, geometry, 1e-3, 14e-3)
    same_bits(torch_state(tmp_path / "clip.pt"), to_torch(conversion.recognizer))


@pytest.mark.parametrize("size", SIZES)
def test_xclip_of_a_folder(size, tmp_path):
    geometry = pytorch.GEOMETRIES[size]
    theirs = pytorch.xclip(geometry, FRAMES)
    theirs.save_pretrained(tmp_path, max_shard_size="100MB" if size != "tiny" else "500KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1, "the test wants shards"
    recognizer = convert_file(tmp_path, Target()).recognizer
    video, tokens = pytorch.video(geometry, FRAMES), pytorch.tokens(geometry)
    with torch.no_grad():
        expected = theirs(input_ids=tokens, pixel_values=video)
        text = theirs.text_projection(theirs.text_model(input_ids=tokens).pooler_output)
    close(recognizer.logits(ours(video), tokens.numpy()), expected.logits_per_video.numpy(), 1e-5)
    features = expected.mit_output.pooler_output.numpy()
    close(recognizer.features(ours(video)), features, 1e-5)
    close(recognizer.text_features(tokens.numpy()), text.numpy(), 1e-5)


def official_of(theirs, folder):
    """The official state dict of a model of transformers, as torch tensors."""
    theirs.save_pretrained(folder)
    return to_torch(convert_file(folder, Target()).recognizer)


def torch_state(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; OpenAI's files remain
        return torch.jit.load(str(path)).state_dict()


def same_bits(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value.dtype == other[name].dtype, name
        assert torch.equal(value, other[name]), name


def test_from_torch_takes_tensors_of_any_precision_and_gives_them_back(tmp_path):
    state = official_of(pytorch.clip(pytorch.TINY), tmp_path)
    mixed = {n: v.bfloat16() if v.ndim > 1 else torch.nn.Parameter(v) for n, v in state.items()}
    recognizer = from_torch(mixed)
    assert {v.dtype.name for v in official_state(recognizer).values()} == {"bfloat16", "float32"}
    same_bits({n: v.detach() for n, v in mixed.items()}, to_torch(recognizer))
