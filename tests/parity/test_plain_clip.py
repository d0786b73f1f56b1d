"""Plain CLIP over frames equals transformers' CLIPModel, from an mp4 to the probabilities."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

import ila_jax
from ila_jax import convert
from ila_jax.config import CLIP_PIXELS, IMAGENET_PIXELS
from ila_jax.extract import __main__ as extract
from ila_jax.pixels import normalise
from ila_jax.predict import __main__ as predict
from ila_jax.text.templates import KINETICS
from ila_jax.text.tokenizer import tokenize
from ila_jax.weights import load_exported, stablehlo
from ila_jax.weights.adapt import Allow
from ila_jax.weights.create import around
from ila_jax.weights.foreign.files import read
from ila_jax.weights.foreign.safetensors_file import write_safetensors
from tests.data.videos import H264, write_video
from tests.parity import torch_models as pytorch

# With CLIP's own vocabulary: what is compared begins with names.
SHAPE = dataclasses.replace(pytorch.TINY, width=64, vocabulary=49408)
NAMES = ["clapping hands", "waving", "opening a bottle of wine"]
ATOL = 1e-5


@pytest.fixture(scope="module")
def theirs():
    return pytorch.clip(SHAPE)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("videos") / "clip.mp4", options=H264)


@pytest.fixture(scope="module")
def folder(theirs, tmp_path_factory):
    """As Hugging Face saves it, and what `convert` makes of it."""
    made = tmp_path_factory.mktemp("clip")
    theirs.save_pretrained(made / "theirs")
    convert.main(["--input", str(made / "theirs"), "--output", str(made / "ours")])
    return made


def official(folder):
    return {name: torch.from_numpy(x.copy()) for name, x in read(folder / "theirs").state.items()}


def text_features(theirs, templates, names=NAMES, context=77):
    """CLIP's own recipe: a class is the mean of its texts' unit features, of length 1 again."""
    rows = []
    for name in names:
        ids = torch.from_numpy(tokenize([t.format(name) for t in templates], context)).long()
        with torch.no_grad():
            features = theirs.text_projection(theirs.text_model(input_ids=ids).pooler_output)
        mean = (features / features.norm(dim=-1, keepdim=True)).mean(0)
        rows.append(mean / mean.norm())
    return torch.stack(rows)


def pixel_values(views):
    """uint8 [v, t, h, w, 3] as CLIPImageProcessor gives frames of the right size to CLIPModel."""
    scaled = torch.from_numpy(views).flatten(0, 1).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(x).reshape(3, 1, 1) for x in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return (scaled - mean) / std


def frame_features(theirs, views):
    """Unit features of every frame, [v, t, e]."""
    with torch.no_grad():
        pooled = theirs.vision_model(pixel_values=pixel_values(views)).pooler_output
        features = theirs.visual_projection(pooled)
    return (features / features.norm(dim=-1, keepdim=True)).reshape(*views.shape[:2], -1)


def expected(theirs, views, templates, **texts):
    """Features [v, e] and logits [v, k] of the views."""
    features = frame_features(theirs, views).mean(1)
    logits = theirs.logit_scale.exp() * features @ text_features(theirs, templates, **texts).T
    return features.detach().numpy(), logits.detach().numpy()


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=ATOL)


def compare(theirs, model, video, templates=KINETICS, **texts):
    views = model.look(video)
    features, logits = expected(theirs, views, templates, **texts)
    pixels = normalise(jnp.asarray(views), by=model.config.pixels)
    close(model.features(pixels), features)
    close(model.logits(pixels), logits)
    shares = torch.softmax(torch.from_numpy(logits), -1).mean(0)
    probabilities = {
        prediction.name: prediction.probability for prediction in model.predict(video, top_k=99)
    }
    close([probabilities[name] for name in model.class_names], shares)


def test_a_folder_of_hugging_face_is_plain_clip_with_clips_own_pixels_and_templates(
    theirs, folder, video
):
    model = ila_jax.load(folder / "ours")
    assert (model.config.temporal, model.config.frames) == ("clip", 8)
    assert model.config.pixels == CLIP_PIXELS
    assert model.config.templates == KINETICS
    assert len(set(KINETICS)) == 28
    assert model.variables.params.keys() == {"visual", "text", "head"}
    assert model.origin.fresh == ()
    compare(theirs, model.with_classes(NAMES), video)
    assert model.predict(video, classes=NAMES) == model.with_classes(NAMES).predict(video)


def test_the_mean_of_the_frames_logits_is_that_of_clip_model(theirs, folder, video):
    model = ila_jax.load(folder / "ours").with_classes(NAMES).with_templates(["{}"])
    views = model.with_views(clips=1, crops=1).look(video)
    ids = torch.from_numpy(tokenize(NAMES)).long()
    with torch.no_grad():
        logits = theirs(input_ids=ids, pixel_values=pixel_values(views)).logits_per_image
    pixels = normalise(jnp.asarray(views), by=model.config.pixels)
    close(model.logits(pixels)[0], logits.mean(0))
    tokens = jnp.asarray(tokenize(NAMES))
    close(model.logits(pixels, tokens), model.logits(pixels))


@pytest.mark.parametrize("form", ["state dict", "entry", "safetensors"])
def test_files_under_official_names_are_plain_clip(form, theirs, folder, video, tmp_path):
    """A state dict as OpenAI's code saves it, as training does, and as open_clip names it."""
    state, file = official(folder), tmp_path / "clip.pt"
    if form == "safetensors":
        file = file.with_suffix(".safetensors")
        write_safetensors(file, {name: x.numpy() for name, x in state.items()})
    else:
        torch.save(state if form == "state dict" else {"state_dict": state}, file)
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES))
    made = ["--output", str(tmp_path / "ours"), "--class-names", str(names)]
    templates = ["a video of {}.", "{}"]
    chosen = [text for template in templates for text in ("--template", template)]
    convert.main(["--input", str(file), *made, *chosen])
    compare(theirs, ila_jax.load(tmp_path / "ours"), video, templates)
    # And back, bit for bit.
    back = tmp_path / "back.pth"
    convert.main(["--input", str(tmp_path / "ours"), "--to", "torch", "--output", str(back)])
    written = torch.load(back)["model"]
    assert written.keys() == state.keys()
    assert all(torch.equal(written[name], value) for name, value in state.items())


def test_an_archive_in_half_precision_comes_back_bit_for_bit(folder, tmp_path):
    state = official(folder)
    pytorch.openai_archive(tmp_path / "clip.pt", SHAPE, state)
    model = ila_jax.from_torch(read(tmp_path / "clip.pt").state)
    assert model.config.temporal == "clip"
    written, expected = ila_jax.to_torch(model), read(tmp_path / "clip.pt").state
    assert written.keys() == expected.keys()
    for name, value in expected.items():
        assert written[name].numpy().dtype == value.dtype
        np.testing.assert_array_equal(written[name].numpy(), value)


def predicted(folder, video, tmp_path, *more):
    file = tmp_path / "found.json"
    views = ["--clips", "1", "--crops", "1", "--top-k", "9", "--json", str(file)]
    assert predict.main([str(folder), str(video), *views, *more]) == 0
    (answer,) = json.loads(file.read_text())["videos"]
    return {prediction["name"]: prediction["probability"] for prediction in answer["predictions"]}


def test_predict_takes_classes_and_templates(theirs, folder, video, tmp_path):
    model = ila_jax.load(folder / "ours").with_views(clips=1, crops=1)
    for template, used in ((None, KINETICS), ("a video of {}.", ["a video of {}."])):
        more = [] if template is None else ["--template", template]
        probabilities = predicted(
            folder / "ours", video, tmp_path, "--classes", ",".join(NAMES), *more
        )
        (logits,) = expected(theirs, model.look(video), used)[1]
        wanted = torch.softmax(torch.from_numpy(logits), -1)
        close([probabilities[name] for name in NAMES], wanted)


def test_a_text_tower_of_248_positions_takes_names_of_as_many_tokens(video, tmp_path):
    theirs = pytorch.clip(dataclasses.replace(SHAPE, context=248))
    theirs.save_pretrained(tmp_path / "theirs")
    convert.main(["--input", str(tmp_path / "theirs"), "--output", str(tmp_path / "ours")])
    names = ["waving", "one hand " * 60]
    model = ila_jax.load(tmp_path / "ours").with_classes(names)
    compare(theirs, model, video, names=list(model.class_names), context=248)
    probabilities = predicted(tmp_path / "ours", video, tmp_path, "--classes", ",".join(names))
    assert probabilities.keys() == set(model.class_names)


def test_extracted_features_are_of_clips_pixels(theirs, folder, video, tmp_path):
    (tmp_path / "videos" / "waving").mkdir(parents=True)
    (tmp_path / "videos" / "waving" / "a.mp4").symlink_to(video)
    out = ["--output", str(tmp_path / "made"), "--features", "clip", "--format", "npz"]
    assert extract.main([str(folder / "ours"), str(tmp_path / "videos"), *out]) == 0
    (file,) = (tmp_path / "made").glob("*.npz")
    views = ila_jax.load(folder / "ours").with_views(clips=1, crops=1).look(video)
    close(np.load(file)["clip"], expected(theirs, views, KINETICS)[0])


def test_exported_it_says_the_same(theirs, folder, video, tmp_path):
    pytest.importorskip("flatbuffers")
    model = ila_jax.load(folder / "ours").with_classes(NAMES).with_templates(["a video of {}."])
    stablehlo.write(model, tmp_path / "made", weights="beside", name="clip")
    views = model.look(video)
    logits = load_exported.load(tmp_path / "made")(views)
    close(logits, expected(theirs, views, ["a video of {}."])[1])


def test_a_model_made_around_it_keeps_its_pixels_and_templates(folder):
    source = ila_jax.load(folder / "ours")
    plain = dataclasses.replace(
        source.config, frames=4, pixels=IMAGENET_PIXELS, templates=("{}",), precision="bfloat16"
    )
    made = around(source, plain, allow=Allow(), seed=0).config
    assert made == dataclasses.replace(source.config, frames=4, precision="bfloat16")


@pytest.mark.usefixtures("quick_start")
def test_with_a_configuration_clip_becomes_its_model_and_sees_its_pixels(folder, tmp_path):
    config = tmp_path / "config.py"
    shape = dataclasses.asdict(SHAPE)
    config.write_text(
        "from ml_collections import ConfigDict\n\ndef get_config():\n"
        "    return ConfigDict(dict(model=dict(size='small', temporal='xclip', frames=4,\n"
        "        head='text', classes=None, convolutions='k400', channels=8, dropout=0.5,\n"
        f"        precision='float32', shape={shape})))\n"
    )
    made = ["--config", str(config), "--output", str(tmp_path / "from_file")]
    convert.main(["--input", str(folder / "theirs"), *made])
    model = ila_jax.load(tmp_path / "from_file")
    assert (model.config.temporal, model.config.frames) == ("xclip", 4)
    assert (model.config.pixels, model.config.templates) == (IMAGENET_PIXELS, ("{}",))
    assert any(path.startswith("mit/") for path in model.origin.fresh)
    with pytest.raises(ValueError, match="templates are for plain CLIP, and this is a xclip"):
        model.with_templates(["a video of {}."])


def test_templates_need_a_place_for_the_name(folder):
    model = ila_jax.load(folder / "ours")
    for wrong in ([], ["a video"], "a video of {}."):
        with pytest.raises(ValueError, match=r"expected texts with \{\} for the class's name"):
            model.with_templates(wrong)
