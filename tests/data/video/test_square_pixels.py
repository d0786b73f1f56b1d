"""Pixels that are not square (DV, DVD, HDV): seen as they are stored, or as a player shows them."""

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ila_jax.config import from_config, read_config
from ila_jax.data.check.__main__ import main as check
from ila_jax.data.clips.recipe import ClipRecipe, clip_recipe
from ila_jax.data.clips.transforms import CentreCrop, ShortSide
from ila_jax.data.clips.views import evaluation_views, paper_views
from ila_jax.data.clips.windows import Windows
from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.transcode import transcode
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import H264, picture
from tests.models import small
from tests.train.runs import QUICKSTART

DVD = Fraction(64, 45)  # of PAL, 16:9
TURNED = [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30]  # a quarter, clockwise
STORED = ClipRecipe(frames=3, size=28, sampling="segments", scales=(1.0,))
SHOWN = dataclasses.replace(STORED, square_pixels=True)


def write(path: Path, aspect: Fraction | None, codec: str = "libx264", turned: bool = False):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=H264 if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if turned:
            stream.set_display_matrix(TURNED)
        for i in range(8):
            frame = av.VideoFrame.from_ndarray(picture(i, 48, 64), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.mpg", "mpeg2video")],
)
@pytest.mark.parametrize("aspect", [None, DVD])
def test_a_file_says_it(tmp_path, name, codec, aspect):
    # MPEG-2 knows four shapes of the whole picture: 16:9 of 64 x 48 pixels is 4:3 a pixel.
    aspect = Fraction(4, 3) if aspect and codec == "mpeg2video" else aspect
    assert index_video(write(tmp_path / name, aspect, codec)).pixel_aspect == (aspect or 1)


@pytest.mark.parametrize("turned", [False, True])
def test_resized_once_to_what_a_player_shows(tmp_path, turned):
    data = write(tmp_path / "a.mp4", DVD, turned=turned)
    frames = decode(index_video(data), STORED.fixed_frames(8))
    assert frames.shape[1:3] == ((64, 48) if turned else (48, 64))
    # 64 pixels of 64/45 are 91.02 square ones; for a short side of 32 they become 60.7.
    size = (32, 61) if turned else (61, 32)
    wide = np.stack([cv2.resize(frame, size) for frame in frames])
    forward = np.arange(3)
    np.testing.assert_array_equal(SHOWN.evaluation_clip(data, forward)[0], CentreCrop(28)(wide))
    stored = CentreCrop(28)(ShortSide(32)(frames))
    np.testing.assert_array_equal(STORED.evaluation_clip(data, forward)[0], stored)
    assert SHOWN.train_clip(data, np.random.default_rng(0))[0].shape == (3, 28, 28, 3)
    # Prepared, it is as it was.
    prepared = transcode(data, Encoding(short_side=256, key_frames=12, crf=4, preset="veryfast"))
    assert index_video(prepared.data).pixel_aspect == (1 / DVD if turned else DVD)
    again = SHOWN.evaluation_clip(prepared.data, forward)[0]
    assert np.abs(again.astype(int) - CentreCrop(28)(wide)).mean() < 4


def test_square_ones_are_as_ever(tmp_path):
    data = write(tmp_path / "a.mp4", None)
    clips = [recipe.evaluation_clip(data, np.arange(3))[0] for recipe in (STORED, SHOWN)]
    np.testing.assert_array_equal(*clips)


def test_sides_by_hand():
    assert ShortSide(256, DVD).sides(576, 720) == (256, 455)  # 1024 x 576
    assert ShortSide(256, Fraction(8, 9)).sides(480, 720) == (256, 341)  # 640 x 480
    assert ShortSide(256, Fraction(1, 3)).sides(480, 720) == (512, 256)  # 240 x 480


def test_all_views_and_windows(tmp_path):
    path = tmp_path / "a.mp4"
    data = write(path, DVD)
    views = paper_views(small.config("spatial", "linear"))
    assert not views.recipe.square_pixels  # as the released models
    square = dataclasses.replace(
        views, recipe=dataclasses.replace(views.recipe, square_pixels=True), clips=1
    )
    crops, _ = square(data, 0)
    ((_, same),) = Windows(path, seconds=10).with_views(square)
    np.testing.assert_array_equal(crops, same)
    size = views.recipe.size
    frames = decode(index_video(data), square.frames(8, 0)[0])
    wide = np.stack([cv2.resize(f, (round(size * 64 * DVD / 48), size)) for f in frames])
    np.testing.assert_array_equal(crops[0], wide[:, :, :size])
    np.testing.assert_array_equal(crops[2][:, :, -1], wide[:, :, -1])


def test_a_strip_is_too_large(tmp_path):
    data = write(tmp_path / "a.mp4", Fraction(30, 1))
    assert STORED.evaluation_clip(data, np.arange(3))[0].shape == (3, 28, 28, 3)
    with pytest.raises(BadVideo, match="1920x48 pixels: one side is over 16 times") as caught:
        SHOWN.evaluation_clip(data, np.arange(3))
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("on", [False, True])
def test_the_configuration_says_which(on):
    config = from_config(read_config(QUICKSTART, [("data.square_pixels", on)]))
    assert clip_recipe(config).square_pixels is on
    assert evaluation_views(config).recipe.square_pixels is on


def test_check_counts_them(tmp_path, capsys):
    for i in range(3):
        for split in ("train", "val"):
            path = tmp_path / split / "one" / f"{split}{i}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, DVD if (i, split) == (1, "train") else None)
    where = ["--train", str(tmp_path / "train"), "--validation", str(tmp_path / "val")]
    check([*where, "--json", "--processes", "1"])
    report = json.loads(capsys.readouterr().out)
    name = str(tmp_path / "train" / "one" / "train1.mp4")
    assert report["splits"]["train"]["not_square"] == {name: "64:45"}
    assert report["splits"]["validation"]["not_square"] == {}
    (warning,) = (line for line in report["warnings"] if "not square" in line)
    assert f"train: 1 of 3 decoded files have pixels that are not square, such as {name}" in warning
