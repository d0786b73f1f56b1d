"""Joined videos have all frames, one video after the other, at the times asked for."""

import wave

import av
import numpy as np
import pytest

from tests.data.videos import H264, write_video
from tools.join_videos import main


def times(path):
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def first_pictures(path, numbers):
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [frames[k].astype(int) for k in numbers]


@pytest.fixture
def videos(tmp_path):
    one = write_video(tmp_path / "one.mp4", count=10, options=H264)
    return [str(one), str(write_video(tmp_path / "two.mp4", count=20, offset=30, options=H264))]


def test_videos_follow_each_other_in_their_own_time(videos, tmp_path):
    assert main([str(tmp_path / "out.mp4"), *videos]) == 0
    np.testing.assert_allclose(times(tmp_path / "out.mp4"), np.arange(30) / 25, atol=1e-4)
    joined = first_pictures(tmp_path / "out.mp4", [0, 10])
    for picture, video in zip(joined, videos, strict=True):
        assert np.abs(picture - first_pictures(video, [0])[0]).mean() < 8  # lossy twice


def test_each_takes_as_long_as_asked_for(videos, tmp_path):
    assert main([str(tmp_path / "out.mp4"), *videos, "--each", "2"]) == 0
    expected = [*np.arange(10) / 5, *(2 + np.arange(20) / 10)]
    np.testing.assert_allclose(times(tmp_path / "out.mp4"), expected, atol=1e-4)


def test_bad_input_is_told_in_words(videos, tmp_path, capsys):
    small = write_video(tmp_path / "small.mp4", size=(32, 48), options=H264)
    assert main([str(tmp_path / "out.mp4"), videos[0], str(small)]) == 1
    assert "expected videos of one size" in capsys.readouterr().err
    assert not (tmp_path / "out.mp4").exists()
    (tmp_path / "words.mp4").write_text("no video")
    assert main([str(tmp_path / "out.mp4"), str(tmp_path / "words.mp4")]) == 1
    assert "Invalid data" in capsys.readouterr().err


def test_no_video_is_lost_or_ends_in_a_traceback(videos, tmp_path, capsys):
    before = (tmp_path / "one.mp4").read_bytes()
    assert main([videos[0], *videos]) == 1
    assert "is one of the videos to join" in capsys.readouterr().err
    assert (tmp_path / "one.mp4").read_bytes() == before
    odd = write_video(tmp_path / "odd.mkv", size=(47, 33), codec="ffv1")
    assert main([str(tmp_path / "out.mp4"), str(odd)]) == 1
    assert "expected an even width and height, found 33 x 47" in capsys.readouterr().err
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    assert main([str(tmp_path / "out.mp4"), str(tmp_path / "sound.wav")]) == 1
    assert "sound.wav has no pictures" in capsys.readouterr().err
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("seconds", ["0", "-1", "1/0", "long"])
def test_no_time_is_refused(videos, tmp_path, capsys, seconds):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out.mp4"), *videos, f"--each={seconds}"])
    assert f"expected seconds, more than 0, found '{seconds}'" in capsys.readouterr().err
