"""Motion pairs: the same seed gives the same files, and the files show what their labels say."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ila_jax.data.synthetic import motion_pairs
from ila_jax.data.synthetic.motion import CLASSES, PARTNER, draw_clip
from ila_jax.data.synthetic.videos import pair
from ila_jax.files.unfinished import remove_leftovers
from ila_jax.pictures.scenes import count_scenes

SIZE = (64, 48)


@pytest.fixture(scope="module")
def pairs_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pairs") / "data"
    return motion_pairs.make(folder, train_clips=32, validation_clips=16, seed=3, processes=1)


def listed(folder: Path, split: str) -> list[tuple[str, int]]:
    lines = (folder / f"{split}.txt").read_text().splitlines()
    return [(line.rsplit(" ", 1)[0], int(line.rsplit(" ", 1)[1])) for line in lines]


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ila_jax.data.synthetic", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_partners_are_each_others_reversal():
    assert [CLASSES[PARTNER[PARTNER[k]]] for k in range(8)] == list(CLASSES)
    assert CLASSES[PARTNER[0]] == "moving right"
    assert CLASSES[PARTNER[7]] == "turning clockwise"


def test_lists_labels_and_counts(pairs_folder):
    assert (pairs_folder / "classes.txt").read_text().splitlines() == list(CLASSES)
    for split, count in (("train", 32), ("validation", 16)):
        pairs = listed(pairs_folder, split)
        assert Counter(label for _, label in pairs) == {k: count // 8 for k in range(8)}
        assert all((pairs_folder / path).is_file() for path, _ in pairs)
        assert len({path for path, _ in pairs}) == count


def test_bytes_depend_on_the_seed_and_not_on_processes(pairs_folder, tmp_path):
    again = motion_pairs.make(
        tmp_path / "a", train_clips=32, validation_clips=16, seed=3, processes=2
    )
    assert contents(again) == contents(pairs_folder)
    other = motion_pairs.make(
        tmp_path / "b", train_clips=32, validation_clips=16, seed=4, processes=1
    )
    video = "videos/train/000000.mp4"
    assert (other / video).read_bytes() != (pairs_folder / video).read_bytes()


def test_splits_and_clips_differ():
    first = pair(0, "train", 0, SIZE)[0]
    for split, index in (("validation", 0), ("train", 8)):
        other = pair(0, split, index, SIZE)[0]
        assert other.label == first.label
        assert not np.array_equal(other.frames[0], first.frames[0])


def test_a_pair_is_one_clip_and_its_reversal_in_one_split(pairs_folder):
    for split in ("train", "validation"):
        pairs = listed(pairs_folder, split)
        for (one, label), (other, partner) in zip(pairs[::2], pairs[1::2], strict=True):
            assert partner == PARTNER[label]
            forward, backward = decoded(pairs_folder / one), decoded(pairs_folder / other)[::-1]
            difference = np.abs(forward.astype(int) - backward)
            assert difference.mean() < 2.5  # two encodings at crf 18 of the same frames
            apart = np.abs(forward.astype(int) - forward[::-1]).mean()
            assert apart > 1.2 * difference.mean()


def test_encoding_keeps_the_frames(pairs_folder):
    clip = pair(3, "train", 0, SIZE)[0]
    frames = decoded(pairs_folder / "videos/train/000000.mp4")
    assert frames.shape == clip.frames.shape
    # Halved chroma costs more than the quantizer at a size like this.
    assert np.abs(frames.astype(int) - clip.frames).mean() < 3


def test_videos_are_h264_of_varying_length_and_rate(pairs_folder):
    rates, lengths = set(), set()
    for path, _ in listed(pairs_folder, "train"):
        with av.open(str(pairs_folder / path)) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert (stream.width, stream.height, stream.pix_fmt) == (64, 48, "yuv420p")
            rates.add(stream.average_rate)
            keys = [packet.is_keyframe for packet in container.demux(stream) if packet.size]
        assert all(any(keys[i : i + 12]) for i in range(len(keys) - 12))
        lengths.add(len(keys))
    assert len(rates) > 3
    assert len(lengths) > 6
    assert min(lengths) >= 20
    assert max(lengths) <= 40


@pytest.mark.parametrize("label", range(6))
def test_boxes_move_as_the_class_says(label):
    for seed in range(20):
        clip = draw_clip(np.random.default_rng(seed), label=label, size=SIZE)
        x0, y0, x1, y1 = clip.boxes.T.astype(float)
        values = ((x0 + x1) / 2, (y0 + y1) / 2, np.sqrt((x1 - x0) * (y1 - y0)))[label // 2]
        change = values[-1] - values[0]
        grows = label in (1, 3, 4)
        assert change * (1 if grows else -1) > (0.2 * 48 if label < 4 else 5)


def test_boxes_hold_the_bright_object():
    for seed in range(40):
        clip = draw_clip(np.random.default_rng(seed), label=seed % 8, size=SIZE)
        for frame, (x0, y0, x1, y1) in zip(clip.frames, clip.boxes, strict=True):
            inside = np.zeros(frame.shape[:2], bool)
            inside[int(y0) : int(np.ceil(y1)) + 1, int(x0) : int(np.ceil(x1)) + 1] = True
            assert inside.mean() < 0.75
            assert frame[inside].mean() > frame[~inside].mean() + 15
            bright = frame.mean(-1) > frame[~inside].mean() + 80
            assert bright[inside].sum() >= 0.98 * bright.sum()


@pytest.mark.parametrize(("label", "sign"), [(6, 1), (7, -1)])
def test_turning_objects_turn_as_seen(label, sign):
    for seed in range(20):
        clip = draw_clip(np.random.default_rng(seed), label=label, size=(128, 96))
        turns = [turn(clip.frames[i], clip.frames[i + 1]) for i in range(len(clip.frames) - 1)]
        assert sign * np.sum(turns) > 0


def turn(one: np.ndarray, two: np.ndarray) -> float:
    """The small turn, clockwise in degrees, that makes the first frame most like the second."""
    weights = two.mean(-1) > two.mean() + 40
    y, x = (axis.mean() for axis in np.nonzero(weights))
    angles = np.arange(-15, 16, 3)
    errors = []
    for angle in angles:
        move = cv2.getRotationMatrix2D((x, y), -float(angle), 1)  # OpenCV counts the other way
        moved = cv2.warpAffine(one, move, (one.shape[1], one.shape[0]), borderMode=1)
        errors.append(((moved.astype(float) - two)[weights] ** 2).mean())
    return float(angles[np.argmin(errors)])


def test_all_classes_share_one_distribution_of_appearances():
    """Half-way through, no class is larger, brighter or elsewhere than another."""
    sizes, colours = [], []
    for label in range(8):
        rngs = [np.random.default_rng([7, i]) for i in range(60)]
        clips = [draw_clip(rng, label=label, size=SIZE) for rng in rngs]
        middle = [clip.boxes[len(clip.boxes) // 2] for clip in clips]
        sizes.append(np.mean([np.sqrt((b[2] - b[0]) * (b[3] - b[1])) for b in middle]))
        colours.append(np.mean([clip.frames.mean() for clip in clips]))
    assert np.ptp(sizes) < 0.12 * np.mean(sizes)
    assert np.ptp(colours) < 0.12 * np.mean(colours)


def test_finished_data_are_found_again_and_other_settings_refused(pairs_folder):
    before = contents(pairs_folder)
    motion_pairs.make(pairs_folder, train_clips=32, validation_clips=16, seed=3)
    assert contents(pairs_folder) == before
    with pytest.raises(ValueError, match=r"seed is 3 there and 5 asked for.*another folder"):
        motion_pairs.make(pairs_folder, train_clips=32, validation_clips=16, seed=5)


def test_foreign_and_damaged_folders_are_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("do not touch")
    with pytest.raises(ValueError, match="not a motion-pairs data set"):
        motion_pairs.make(tmp_path / "mine", train_clips=8, validation_clips=8, seed=0)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "do not touch"

    folder = tmp_path / "data"
    motion_pairs.make(folder, train_clips=8, validation_clips=8, seed=0, processes=1)
    (folder / "videos/train/000003.mp4").unlink()
    with pytest.raises(ValueError, match=r"lost files.*7 of 8 train"):
        motion_pairs.make(folder, train_clips=8, validation_clips=8, seed=0, processes=1)


def test_a_killed_run_leaves_no_folder_of_that_name(tmp_path):
    arguments = ["--output", str(tmp_path / "d"), "--train-clips", "8000", "--seed", "1"]
    process = subprocess.Popen([sys.executable, "-m", "ila_jax.data.synthetic", *arguments])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".d.partial-*/videos/train/*.mp4")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "d").exists()
    time.sleep(0.3)  # the drawing processes die with their parent
    count = len(list(tmp_path.rglob("*.mp4")))
    time.sleep(0.5)
    assert len(list(tmp_path.rglob("*.mp4"))) == count
    folder = motion_pairs.make(
        tmp_path / "d", train_clips=8, validation_clips=8, seed=1, processes=1
    )
    assert json.loads((folder / "motion_pairs.json").read_text())["train_clips"] == 8
    assert list(tmp_path.iterdir()) == [folder]  # what the killed one left is gone


def test_leftovers_are_removed_and_what_is_at_work_stays(tmp_path):
    target = tmp_path / "d"
    left = tmp_path / ".d.partial-0badcafe"
    left.mkdir()
    (left / "classes.txt").write_text("x")
    code = (
        "import sys; from pathlib import Path; from ila_jax.files import unfinished as u\n"
        "with u.partial_folder(Path(sys.argv[1])) as partly:\n"
        "    partly.mkdir(); print(partly, flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    at_work = Path(other.stdout.readline().strip())
    remove_leftovers(target)
    assert at_work.is_dir()
    assert not left.exists()
    other.communicate("")
    assert not list(tmp_path.iterdir())


def test_settings_that_are_damaged_are_told(pairs_folder, tmp_path):
    shutil.copytree(pairs_folder, tmp_path / "d")
    for text, words in (("{", "is damaged"), ("[1]", "is not the settings of")):
        (tmp_path / "d" / "motion_pairs.json").write_text(text)
        with pytest.raises(ValueError, match=words):
            motion_pairs.make(tmp_path / "d", train_clips=32, validation_clips=16, seed=3)
        with pytest.raises(ValueError, match=words):
            count_scenes(tmp_path / "d")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_clips": 12}, "train_clips is 12: expected a positive multiple of 8.*is 16"),
        ({"validation_clips": 0}, "validation_clips is 0"),
        ({"seed": -1}, "seed is -1: expected 0 or more"),
        ({"size": (63, 48)}, "even numbers of pixels"),
        ({"processes": 0}, "processes is 0"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, change, message):
    settings = {"train_clips": 8, "validation_clips": 8, "seed": 0} | change
    with pytest.raises(ValueError, match=message):
        motion_pairs.make(tmp_path / "d", **settings)
    assert not list(tmp_path.iterdir())


def test_command_makes_data_and_says_where(tmp_path):
    result = command("--output", tmp_path / "d", "--train-clips", 8, "--validation-clips", 8)
    assert result.returncode == 0, result.stderr
    assert "8 training and 8 validation clips in" in result.stdout
    assert len(listed(tmp_path / "d", "train")) == 8


def test_command_reports_errors_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    for output, clips in ((tmp_path / "file" / "d", 8), (tmp_path / "d", 7)):
        result = command("--output", output, "--train-clips", clips, "--validation-clips", 8)
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert str(output if clips == 8 else "multiple of 8") in result.stderr
