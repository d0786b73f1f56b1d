"""The command that names what is in videos: files, folders, patterns, long and bad ones."""

import csv
import json
import threading

import pytest

from ila_jax.data.clips import many_videos
from ila_jax.data.video.decode import decode, index_video
from ila_jax.models import forward
from ila_jax.predict.__main__ import main
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import load, save
from tests.data.videos import GOOD, H264, write_sound, write_video
from tests.models import small


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """a.mp4, b.mp4 and below/c.webm, the last of two frames; notes.txt."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "below").mkdir()
    write_video(folder / "a.mp4", options=H264)
    write_video(folder / "b.mp4", options=H264, offset=30)
    write_video(folder / "below" / "c.webm", codec="libvpx-vp9", count=2)
    (folder / "notes.txt").write_text("no video")
    return folder


def expected(weights, path, top_k=5):
    return [
        {"name": one.name, "probability": one.probability}
        for one in load(weights).predict(path, top_k)
    ]


def test_folders_files_and_patterns_each_video_once(weights, videos, tmp_path, capsys):
    places = [videos / "b.mp4", videos, videos / "**" / "*.webm"]
    found, table = tmp_path / "new" / "found.json", tmp_path / "found.csv"
    wanted = ["--top-k", "2", "--json", str(found), "--csv", str(table)]
    assert main([weights, *map(str, places), *wanted]) == 0
    out = capsys.readouterr().out
    content = json.loads(found.read_text())
    names = [videos / "b.mp4", videos / "a.mp4", videos / "below" / "c.webm"]
    assert [one["video"] for one in content["videos"]] == [str(name) for name in names]
    assert (content["checkpoint"], content["clips"], content["crops"]) == (weights, 4, 3)
    rows = list(csv.DictReader(table.open(newline="")))
    for number, (name, one) in enumerate(zip(names, content["videos"], strict=True)):
        best = expected(weights, name, 2)
        assert one["predictions"] == best
        assert f"{best[0]['name']}  " in out
        assert f"{best[0]['probability']:.1%}" in out
        for rank in (0, 1):
            row = rows[2 * number + rank]
            assert (row["video"], row["rank"], row["class"]) == (
                str(name),
                str(rank + 1),
                best[rank]["name"],
            )
            assert float(row["probability"]) == best[rank]["probability"]
    assert [one["short"] for one in content["videos"]] == [False, False, True]
    assert out.count("fewer frames than the model takes") == 1


def test_bad_files_are_named_and_the_others_predicted(weights, videos, tmp_path, capsys):
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "nothing").mkdir()
    write_sound(tmp_path / "sound.mp4")
    places = [
        tmp_path / "text.mp4",
        videos / "a.mp4",
        tmp_path / "missing.mp4",
        tmp_path / "sound.mp4",
        tmp_path / "nothing",
        tmp_path / "*.webm",
    ]
    table = tmp_path / "found.csv"
    assert main([weights, *map(str, places), "--csv", str(table)]) == 1
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    for words in (
        f"{tmp_path}/nothing: no video is in this folder (expected files that are named like",
        f"{tmp_path}/*.webm: no video matches this pattern",
        f"{tmp_path}/text.mp4: The file is no video container",
        f"{tmp_path}/missing.mp4: There is no file at this path.",
        f"{tmp_path}/sound.mp4: The file has no video stream",
        "error: 3 of 4 videos could not be read, and 2 of 6 places hold no video\n",
    ):
        assert words in err, err
    assert out.startswith(f"{videos}/a.mp4\n")
    rows = list(csv.DictReader(table.open(newline="")))
    assert [row["problem"][:20] for row in rows if row["video"].endswith("missing.mp4")] == [
        "There is no file at "
    ]
    assert sum(row["video"].endswith("a.mp4") for row in rows) == 5
    # A place without videos is an error as well where all that there are can be read.
    assert main([weights, str(videos / "a.mp4"), str(tmp_path / "nothing")]) == 1
    assert "error: 1 of 2 places hold no video\n" in capsys.readouterr().err


def test_videos_of_any_length_share_one_compiled_program(weights, videos, monkeypatch, capsys):
    compiled, shapes = forward.probabilities_of, []

    def recorded(config, variables, text, clips):
        shapes.append(clips.shape)
        return compiled(config, variables, text, clips)

    monkeypatch.setattr(forward, "probabilities_of", recorded)
    lengths = ("a.mp4", "below/c.webm")  # 40 frames and 2
    # Videos may stand behind an option.
    assert main([weights, "--threads", "1", *(str(videos / name) for name in lengths)]) == 0
    # Each of the four clips of a video on its own, in three crops.
    assert shapes == 8 * [(3, small.FRAMES, 16, 16, 3)]


def test_what_was_found_before_ctrl_c_is_written(weights, videos, tmp_path, monkeypatch):
    whole, found, looked = Recognizer.probabilities, tmp_path / "found.json", []

    def stopped(self, views):
        if looked:
            raise KeyboardInterrupt
        looked.append(views)
        return whole(self, views)

    monkeypatch.setattr(Recognizer, "probabilities", stopped)
    places = [str(videos / "b.mp4"), str(videos / "a.mp4")]
    assert main([weights, *places, "--crops", "3", "--json", str(found)]) == 130
    content = json.loads(found.read_text())
    assert [one["video"] for one in content["videos"]] == places[:1]
    assert (content["clips"], content["crops"]) == (4, 3)  # clips as without --crops


def test_a_video_that_takes_too_long_is_named(weights, videos, monkeypatch, capsys):
    given_up = threading.Event()
    monkeypatch.setattr(many_videos, "views_of", lambda *_: given_up.wait(60))
    monkeypatch.setitem(Recognizer.predict_batch.__kwdefaults__, "time_limit", 0.05)
    assert main([weights, str(videos / "a.mp4")]) == 1
    given_up.set()
    assert f"{videos}/a.mp4: It was not read and decoded in 0.05 s." in capsys.readouterr().err


def test_a_timeline_names_each_window_as_a_video_of_its_own(weights, videos, tmp_path, capsys):
    found = tmp_path / "found.json"
    long = str(videos / "a.mp4")  # 40 frames, 1.6 seconds
    arguments = [weights, long, "--window", "1", "--stride", "0.6", "--json", str(found)]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert [line.split()[:2] for line in out.splitlines()[2:4]] == [
        ["0:00.0", "0:01.0"],
        ["0:00.6", "0:01.6"],
    ]
    assert main([*arguments[:-2], "--top-k", "1"]) == 0  # without a column for the next ones
    assert "then" not in capsys.readouterr().out
    (one,) = json.loads(found.read_text())["videos"]
    # Frames 0 to 24, and 15 to 39, as files of their own would be seen.
    model, frames = load(weights), load_frames(long)
    parts = [model.predict(frames[:25]), model.predict(frames[15:])]
    means = {name: 0.0 for name in model.class_names}
    for span, best in zip(one["timeline"], parts, strict=True):
        assert [p["name"] for p in span["predictions"]] == [p.name for p in best]
        for mine, theirs in zip(span["predictions"], best, strict=True):
            assert mine["probability"] == pytest.approx(theirs.probability, abs=1e-6)
            means[theirs.name] += theirs.probability / 2
    for mine in one["predictions"]:
        assert mine["probability"] == pytest.approx(means[mine["name"]], abs=1e-6)


def test_a_timeline_says_where_a_window_is_short(weights, videos, tmp_path, capsys):
    found = tmp_path / "found.json"
    # Of 40 frames, 25 a second, the last window has 3, which is what the model takes, or 2.
    for window, short in ((1.48, False), (1.52, True)):
        command = [weights, str(videos / "a.mp4"), "--window", str(window), "--json", str(found)]
        assert main(command) == 0
        assert ("some windows have fewer frames" in capsys.readouterr().out) == short
        content = json.loads(found.read_text())
        assert [(len(one["timeline"]), one["short"]) for one in content["videos"]] == [(2, short)]
        assert content["window"] == content["stride"] == window


def test_by_windows_bad_files_are_named_and_the_others_predicted(weights, videos, tmp_path, capsys):
    (tmp_path / "text.mp4").write_text("no video")
    broken = write_video(tmp_path / "broken.mp4", **GOOD["key_12.mp4"])
    data = broken.read_bytes()
    half, most = len(data) // 2, 7 * len(data) // 10
    broken.write_bytes(data[:half] + bytes(most - half) + data[most:])  # a window is fine
    places = [tmp_path / "text.mp4", broken, videos / "a.mp4"]
    assert main([weights, *map(str, places), "--window", "0.4"]) == 1
    out, err = capsys.readouterr()
    assert f"{tmp_path}/text.mp4: The file is no video container" in err
    assert f"{broken}: The file is truncated or damaged" in err
    assert "error: 2 of 3 videos could not be read\n" in err
    assert out.startswith(f"{videos}/a.mp4\n")
    assert main([weights, str(videos / "a.mp4"), "--window", "0.01"]) == 1
    assert f"{videos}/a.mp4: a stride of 0.01 seconds makes" in capsys.readouterr().err


def load_frames(path):
    with open(path, "rb") as file:
        index = index_video(file.read())
    return decode(index, range(index.count))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--top-k", "0"], "--top-k is 0: expected 1 or more"),
        (["--threshold", "50"], "--threshold is 50: expected a probability above 0, up to 1"),
        (["--stride", "1"], "--stride goes with --window"),
        (["--window", "0"], "a window is 0 seconds: expected more than 0"),
        (["--window", "1e-320"], "makes more windows than the 40 frames"),
        (["--clips", "0"], "0 clips x 3 crops: expected 1 to 1000 of each"),
        (["--clips", "1000000000000"], "1000000000000 clips x 3 crops: expected 1 to 1000"),
        (["--classes", "a,b"], "only a text head takes classes at will"),
        (["--classes", "a,b,b"], "name 3: 'b' is already class 1"),
        (["--classes", "a,,b"], "name 2: blank"),
        (["--classes", ""], "'' is no file, and a single class is no choice"),
        (["--classes", ",".join(map(str, range(2000)))], "only a text head takes classes at will"),
        (["--classes", "missing.txt"], "missing.txt is no file, and a single class is no choice"),
        (["--json", "."], ". is a folder: name the file to write"),
        (["--json", "/dev/null"], "/dev/null is a device or a pipe: name a file to write"),
        (["--json", "new", "--csv", "./new"], "--json and --csv are both new: name two files"),
    ],
)
def test_what_cannot_be_is_told_in_words(arguments, words, weights, videos, capsys):
    assert main([weights, str(videos / "a.mp4"), *arguments]) == 1
    out, err = capsys.readouterr()
    assert words in err
    assert not out


def test_answers_never_take_the_place_of_a_video(weights, videos, tmp_path, capsys):
    (tmp_path / "link.mp4").symlink_to(videos / "a.mp4")
    before = (videos / "a.mp4").read_bytes()
    for written in (videos / "a.mp4", tmp_path / "link.mp4"):
        assert main([weights, str(videos), "--csv", str(written)]) == 1
        assert f"{written} is one of the videos: name another" in capsys.readouterr().err
    assert (videos / "a.mp4").read_bytes() == before


def test_no_video_and_no_model_are_told_in_words(weights, videos, tmp_path, capsys):
    assert main([weights, ""]) == 1
    assert "'': expected the path of a video, found none" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([weights, str(videos), "--json", ""])
    assert "argument --json: expected a path, found ''" in capsys.readouterr().err
    assert main([weights, str(tmp_path)]) == 1
    assert "error: there is no video to look at" in capsys.readouterr().err
    assert main([str(tmp_path), str(videos)]) == 1
    assert "is no model: expected the folder of a run" in capsys.readouterr().err


def test_a_text_head_takes_classes_from_a_file(videos, tmp_path, capsys):
    config = small.config("spatial", "text")
    save(Recognizer(config, small.filled(config)), tmp_path / "text")
    command = [str(tmp_path / "text"), str(videos / "a.mp4"), "--clips", "1", "--crops", "1"]
    assert main(command) == 1
    assert "does not know what its classes are called" in capsys.readouterr().err
    (tmp_path / "classes.txt").write_text("clapping hands\nwaving\n")
    assert main([*command, "--classes", str(tmp_path / "classes.txt")]) == 0
    from_file = capsys.readouterr().out
    assert main([*command, "--classes", "clapping hands, waving"]) == 0
    assert capsys.readouterr().out == from_file
    assert "clapping hands" in from_file
    assert "waving" in from_file
