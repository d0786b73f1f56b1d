"""Features of a data set: what the model computes, every video once, also after a stop."""

import json
import shutil
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest

from ila_jax.extract import files as feature_files
from ila_jax.extract.__main__ import main
from ila_jax.extract.features import FeatureExtractor, shapes
from ila_jax.extract.kinds import KINDS
from ila_jax.job.sharding import make_mesh
from ila_jax.models import model
from ila_jax.pixels import normalise
from ila_jax.recognizer import Recognizer
from ila_jax.weights.folder import load, save
from tests.data.videos import H264, write_video
from tests.models import small

# Spatial attention alone: what is tested lies around the model, and this one compiles fast.
CONFIG = small.config("spatial", "linear")
VIDEOS, BAD = 7, 4
ALL = ["--features", "clip,frame,patch"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "linear"
    save(Recognizer(CONFIG, small.filled(CONFIG)), folder)
    return str(folder)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Four videos of one class and three of another, of which the first is no video."""
    folder = tmp_path_factory.mktemp("videos")
    for name in ("jumping_high", "waving"):
        (folder / name).mkdir()
    for i in range(VIDEOS):
        path = folder / ("jumping_high" if i < 4 else "waving") / f"{i}.mp4"
        write_video(path, options=H264, offset=9 * i)
    (folder / "waving" / f"{BAD}.mp4").write_text("no video")
    return folder


def run(weights, videos, folder, *options):
    return main([weights, str(videos), "--output", str(folder), "--shard", "3", *options])


@pytest.fixture(scope="module")
def undisturbed(weights, videos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features") / "new" / "all"
    assert run(weights, videos, folder, *ALL) == 0
    return folder


def arrays(folder):
    """All features of Parquet files by kind, without those of videos with a problem."""
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    good = [table.filter(np.array(table["problem"]) == "") for table in tables]
    return {
        kind: np.concatenate([one[kind].combine_chunks().to_numpy_ndarray() for one in good])
        for kind in ("clip", "frame", "patch")
    }


def test_features_are_what_the_model_computes(weights, videos, undisturbed):
    names = [f"features-0000{n}-of-00003.parquet" for n in range(3)]
    assert sorted(p.name for p in undisturbed.iterdir()) == ["extraction.json", *names]
    rows = [row for name in names for row in pq.read_table(undisturbed / name).to_pylist()]
    assert [row["index"] for row in rows] == list(range(VIDEOS))
    assert [row["label"] for row in rows] == [0, 0, 0, 0, 1, 1, 1]
    assert [row["class_name"] for row in rows] == ["jumping high"] * 4 + ["waving"] * 3
    assert rows[0]["id"] == "jumping_high/0.mp4"
    assert rows[0]["path"] == str(videos / "jumping_high" / "0.mp4")
    for row in rows:
        bad = row["index"] == BAD
        assert row["problem"].startswith("The file is no video container" if bad else "")
        assert bool(row["problem"]) == bad
        assert [row[kind] is None for kind in ("clip", "frame", "patch")] == [bad] * 3
    found = arrays(undisturbed)
    recognizer = load(weights).with_views(clips=1, crops=1)
    looks = [recognizer.look(row["path"]) for row in rows if not row["problem"]]
    video = normalise(jnp.asarray(np.concatenate(looks)))
    tower = model.bind(CONFIG, recognizer.variables).visual(video)
    close = {"atol": 1e-5, "rtol": 0}
    np.testing.assert_allclose(found["clip"], recognizer.features(video), **close)
    np.testing.assert_allclose(found["frame"], tower.class_tokens, **close)
    np.testing.assert_allclose(found["patch"], tower.patch_tokens, **close)


def test_npz_holds_the_same(weights, videos, undisturbed, tmp_path, capsys):
    assert run(weights, videos, tmp_path / "npz", *ALL, "--format", "npz") == 0
    assert "1 of 7 videos could not be read: see `problem`" in capsys.readouterr().err
    files = [np.load(path) for path in sorted((tmp_path / "npz").glob("*.npz"))]
    joined = {name: np.concatenate([file[name] for file in files]) for name in files[0]}
    assert joined["index"].tolist() == list(range(VIDEOS))
    assert np.flatnonzero(joined["problem"] != "").tolist() == [BAD]
    assert joined["path"][6].endswith("waving/6.mp4")
    for kind, want in arrays(undisturbed).items():
        assert np.isnan(joined[kind][BAD]).all()
        np.testing.assert_array_equal(joined[kind][joined["problem"] == ""], want)


def test_two_at_once_are_one_too_many(weights, videos, tmp_path, capsys):
    folder = tmp_path / "features"
    (folder / ".writing").mkdir(parents=True)
    hold = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w'); fcntl.lockf(lock, fcntl.LOCK_EX);"
        "print(); input()"
    )
    command = [sys.executable, "-c", hold, str(folder / ".writing" / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        assert run(weights, videos, folder) == 1
        other.communicate(b"\n")
    assert f"another process is writing into {folder}: stop it" in capsys.readouterr().err
    assert not list(folder.glob("*.parquet"))


def test_a_stopped_extraction_goes_on_and_a_finished_one_does_nothing(
    weights, videos, undisturbed, tmp_path, monkeypatch, capsys
):
    folder, save = tmp_path / "features", feature_files._parquet

    def stopped(path, *rest):
        if "features-00001" in path.name:
            path.write_text("half")
            (folder / ".partial-features-00001-x").write_text("half")  # as a kill leaves it
            raise KeyboardInterrupt
        save(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(feature_files, "_parquet", stopped)
        assert run(weights, videos, folder, *ALL) == 130
    first = folder / "features-00000-of-00003.parquet"
    written = first.stat().st_mtime_ns
    capsys.readouterr()
    assert run(weights, videos, folder, *ALL) == 0
    err = capsys.readouterr().err
    assert "3 of 7 videos are done already" in err
    assert "1 of 4 videos could not be read" in err
    assert first.stat().st_mtime_ns == written
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in undisturbed.iterdir())
    check_same(folder, undisturbed)
    gone = tmp_path / "gone"  # the same list, and no video is needed any more
    shutil.copytree(videos, gone)
    for path in gone.glob("*/*.mp4"):
        path.write_bytes(b"")
    for place in (videos, gone):
        assert run(weights, place, folder, *ALL) == 0
        assert "nothing to do" in capsys.readouterr().out
    first.unlink()
    assert run(weights, gone, folder, *ALL) == 1
    assert "none of the 7 videos can be read" in capsys.readouterr().err
    assert not first.exists()  # and those after it are still there
    assert run(weights, videos, folder, *ALL) == 0
    check_same(folder, undisturbed)


def check_same(folder, whole):
    for path in whole.glob("*.parquet"):
        assert pq.read_table(path).equals(pq.read_table(folder / path.name))


def test_other_settings_are_refused_by_name(weights, videos, undisturbed, tmp_path, capsys):
    assert main([weights, str(videos), "--output", str(undisturbed), "--shard", "2", *ALL]) == 1
    err = capsys.readouterr().err
    assert "was begun with other settings" in err
    assert "videos_per_file: 3 there, 2 now" in err
    assert run(weights, videos, undisturbed, "--features", "frame") == 1
    assert "features: " in capsys.readouterr().err
    save(Recognizer(CONFIG, small.filled(CONFIG, "other")), tmp_path / "other")
    assert run(str(tmp_path / "other"), videos, undisturbed, *ALL) == 1
    assert "weights_sha256: " in capsys.readouterr().err
    assert run(weights, videos, undisturbed, *ALL, "--format", "npz") == 1
    assert "files: 'parquet' there, 'npz' now" in capsys.readouterr().err
    settings = json.loads((undisturbed / "extraction.json").read_text())
    del settings["views"]
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "extraction.json").write_text(json.dumps(settings))
    assert run(weights, videos, tmp_path / "older", *ALL) == 1
    assert "views: None there" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    assert run(weights, videos, tmp_path / "mine") == 1
    assert "holds other files: name a new folder" in capsys.readouterr().err


def test_a_list_with_other_labels_is_refused(weights, videos, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("jumping high\nwaving\n")
    command = [weights, str(tmp_path / "list.txt"), "--root", str(videos), "--output"]
    command += [str(tmp_path / "out"), "--class-names", str(tmp_path / "names.txt"), *ALL]
    (tmp_path / "list.txt").write_text("waving/5.mp4 1\n")
    assert main(command) == 0
    settings = json.loads((tmp_path / "out" / "extraction.json").read_text())
    numbers = 64 + 3 * 64 + 3 * 16 * 64  # of a video: clip, frames and patches, in float32
    assert settings["videos_per_file"] == (256 << 20) // (4 * numbers)
    (tmp_path / "list.txt").write_text("waving/5.mp4 0\n")
    assert main(command) == 1
    assert "videos_sha256: " in capsys.readouterr().err


def test_features_are_float32_of_the_shapes_told_whatever_the_model_computes_in():
    config = small.config("spatial", "linear", precision="bfloat16")
    video = jax.ShapeDtypeStruct((2, small.FRAMES, 16, 16, 3), np.uint8)
    extractor = FeatureExtractor(config, make_mesh(), KINDS)
    found = jax.eval_shape(extractor._features, model.abstract(config), video)
    assert {kind: x.shape[1:] for kind, x in found.items()} == shapes(config, KINDS)
    assert {x.dtype for x in found.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--features", "clips"], "--features: unknown 'clips', expected some of clip, frame"),
        (["--batch", "0"], "--batch is 0: expected 1 or more"),
        (["--shard", "0"], "--shard is 0: expected 1 or more"),
        (["--processes", "-1"], "--processes is -1: expected 0 or more"),
    ],
)
def test_what_cannot_be_is_told_in_words(options, words, weights, videos, tmp_path, capsys):
    assert main([weights, str(videos), "--output", str(tmp_path / "new"), *options]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_no_video_in_a_folder_is_told_in_words(weights, tmp_path, capsys):
    assert main([weights, str(tmp_path), "--output", str(tmp_path / "new")]) == 1
    assert "holds no folder with videos" in capsys.readouterr().err


def test_a_list_whose_videos_are_elsewhere_leaves_no_folder(weights, tmp_path, capsys):
    (tmp_path / "list.txt").write_text("waving/a.mp4 0\nwaving/b.mp4 1\n")
    (tmp_path / "names.txt").write_text("waving\njumping\n")
    names = ["--class-names", str(tmp_path / "names.txt")]
    assert run(weights, tmp_path / "list.txt", tmp_path / "new", *names) == 1
    said = "none of the 2 videos can be read, such as waving/a.mp4: There is no file at this path."
    assert f"{said} Give --root" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_no_video_among_the_files_is_an_error(weights, tmp_path, capsys):
    for name in ("jumping", "waving"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        (tmp_path / "videos" / name / "a.mp4").write_text("no video")
    # So large a batch would be of padding, and fill the memory.
    assert run(weights, tmp_path / "videos", tmp_path / "new", "--batch", "10000000000") == 1
    assert "none of the 2 videos could be read: see `problem`" in capsys.readouterr().err


def test_a_folder_with_a_damaged_description_is_told_in_words(weights, videos, tmp_path, capsys):
    for text, words in (("{", "is damaged"), ("[]", "is not what features depend on")):
        (tmp_path / "extraction.json").write_text(text)
        assert run(weights, videos, tmp_path) == 1
        assert f"{tmp_path}/extraction.json {words}" in capsys.readouterr().err
    assert run(weights, videos, tmp_path / "extraction.json") == 1
    assert "extraction.json cannot be a folder: it is a file" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_again_and_again_the_files_are_the_same(weights, videos, tmp_path):
    folder, whole = tmp_path / "features", tmp_path / "whole"
    command = [sys.executable, "-m", "ila_jax.extract", weights, str(videos), *ALL]
    command += ["--shard", "3", "--batch", "1", "--output"]
    subprocess.run([*command, str(whole)], check=True)
    for number in range(3):
        process = subprocess.Popen([*command, str(folder)])
        wanted = folder / f"features-0000{number}-of-00003.parquet"
        while process.poll() is None and not wanted.exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, str(folder)], check=True)
    assert len(list(whole.glob("*.parquet"))) == 3
    check_same(folder, whole)
