"""The command on a real video and real weights: its files, and its words on bad input."""

import av
import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax import visualize
from ila_jax.models import model
from ila_jax.pictures.block_maps import block_maps
from ila_jax.pictures.model_view import show, titles
from ila_jax.pictures.overlay import enlarged
from ila_jax.pixels import normalise
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import save
from tests.data.videos import write_video
from tests.models import small


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of a video and of two models' weights."""
    root = tmp_path_factory.mktemp("made")
    write_video(root / "clip.mp4", count=9)
    for temporal in ("ila", "spatial"):
        save(recognizer(temporal), root / temporal)
    return root


def recognizer(temporal, **changes):
    config = small.config(temporal, **changes)
    return Recognizer(config, small.filled(config))


def arguments(root, models, *more):
    names = ",".join(str(root / each) for each in models.split(","))
    return [names, str(root / "clip.mp4"), "--output", *map(str, more)]


def test_heat_is_the_norm_of_what_the_tower_gives(made):
    some = recognizer("spatial")
    clip, _ = some.views.recipe.evaluation_clip((made / "clip.mp4").read_bytes(), np.arange(3))
    found = block_maps(some, clip[None])
    video = normalise(jnp.asarray(clip[None]), jnp.float32)
    tokens = np.asarray(model.bind(some.config, some.variables).visual(video).patch_tokens)[0]
    expected = np.array([[sum(p * p) ** 0.5 for p in frame] for frame in tokens])
    np.testing.assert_allclose(found.heat[0, -1].reshape(3, -1), expected, rtol=1e-4)
    assert found.blocks == 2
    assert found.middle == 0
    assert found.aligned is None
    assert (found.attention.sum(axis=(-2, -1)) < 1).all()  # the rest is the class token's own
    shown = show(made / "clip.mp4", "", some, side=64)
    assert shown.columns[1] == "frame 4, 0.16 s"
    np.testing.assert_array_equal(shown.frames, enlarged(clip, 64))
    np.testing.assert_array_equal(shown.maps.heat, found.heat)


def test_models_side_by_side_in_a_folder(made, tmp_path, capsys):
    assert visualize.main(arguments(made, "spatial,ila", tmp_path / "out")) == 0
    names = ["heat_middle.png", "heat_last.png", "attention.png", "alignment.png", "pairs.png",
             "clip.gif", "clip.mp4"]  # fmt: skip
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / name) for name in names]
    heat = cv2.imread(str(tmp_path / "out" / "heat_last.png"))
    assert heat.shape[1] >= 3 * 160
    assert heat.shape[0] > 3 * 160  # raw frames and two models
    with av.open(str(tmp_path / "out" / "clip.gif")) as clip:
        assert len(list(clip.decode(video=0))) == small.FRAMES

    more = ("--show", "alignment", "--side", "64")
    assert visualize.main(arguments(made, "ila", tmp_path / "one.png", *more)) == 0
    assert cv2.imread(str(tmp_path / "one.png")).shape[0] < 4 * 64 + 200


def test_models_of_the_same_kind_are_told_apart_by_name():
    models = [recognizer("spatial"), recognizer("ila"), recognizer("spatial")]
    assert titles(["a", "b", "c"], models) == ["spatial (a)", "ila", "spatial (c)"]


def test_bad_input_is_told_in_words(made, tmp_path, capsys):
    out = tmp_path / "out.png"

    def fails(words, *given):
        assert visualize.main(list(map(str, given))) == 1
        err = capsys.readouterr().err
        assert words in err
        assert "Traceback" not in err

    text = tmp_path / "words.mp4"
    text.write_text("no video")
    fails(f"processing input. {text}\n", made / "spatial", text, "--output", out)
    fails(f"there is no video {tmp_path}", made / "ila", tmp_path, "--output", out)
    fails("is no model", *arguments(made, "nowhere", out))
    fails("expected checkpoints with a comma", "a,,b", made / "clip.mp4", "--output", out)
    fails("expected a folder, or a name in .png, .gif, .mp4", *arguments(made, "ila", "a.jpg"))
    fails("there is no folder", *arguments(made, "ila", tmp_path / "none" / "a.png"))
    fails("unknown 'heat'", *arguments(made, "ila", out, "--show", "heat"))
    fails("--side is 8", *arguments(made, "ila", out, "--side", "8"))
    fails("only ila and ila_token have points", *arguments(made, "spatial", out, "--show", "pairs"))
    fails("in a .png", *arguments(made, "ila", tmp_path / "a.gif", "--show", "pairs"))
    (tmp_path / "notes").write_text("mine")
    fails("notes is a file: expected a folder", *arguments(made, "ila", tmp_path / "notes"))
    before = (made / "clip.mp4").read_bytes()
    fails("clip.mp4 is the video itself", *arguments(made, "spatial", made / "clip.mp4"))
    assert (made / "clip.mp4").read_bytes() == before
    save(recognizer("spatial", frames=4), tmp_path / "four")
    both = f"{made / 'ila'},{tmp_path / 'four'}"
    fails("equally many frames", both, made / "clip.mp4", "--output", out)
    assert not out.exists()
