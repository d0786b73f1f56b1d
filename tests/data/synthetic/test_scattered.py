"""The scattered layout: objects fit, one of them moves as its class says, and the rest is known."""

import json

import numpy as np
import pytest

from ila_jax.data.synthetic import __main__ as command
from ila_jax.data.synthetic import motion_pairs, scattered
from ila_jax.data.synthetic.motion import PARTNER, draw_clip
from ila_jax.data.synthetic.videos import pair

SIZE = (64, 64)


def drawn(seed, label, **options):
    return scattered.draw_clip(np.random.default_rng(seed), label=label, size=SIZE, **options)


@pytest.fixture(scope="module")
def clips():
    return [drawn([1, k], k % 8) for k in range(48)]


def test_the_middle_layout_is_drawn_as_before_there_was_another():
    clip = draw_clip(np.random.default_rng(0), label=0, size=(64, 48))
    # Of the quickstart as it was when it was the only layout.
    assert (len(clip.frames), clip.rate, clip.objects) == (37, 24, None)
    np.testing.assert_allclose(clip.boxes[0], [35.81750, 18.50678, 57.01893, 33.51213], atol=1e-4)
    assert clip.frames.mean() == pytest.approx(42.55443, abs=0.05)


def test_the_object_that_moves_is_first_and_moves_as_its_class_says(clips):
    for clip in clips:
        boxes = clip.objects.boxes[0].astype(float)
        np.testing.assert_array_equal(clip.boxes, clip.objects.boxes[0])
        x, y = (boxes[:, :2] + boxes[:, 2:]).T / 2
        change = [x, y, np.log((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)) / 2]
        if clip.label < 6:
            values = change[clip.label // 2]
            moved = (values[-1] - values[0]) / (64 if clip.label < 4 else 1)
            grows = clip.label in (1, 3, 4)
            assert moved * (1 if grows else -1) > (0.15 if clip.label < 4 else 0.35)


def test_what_turns_turns_the_way_of_its_class():
    for label, sign in ((6, 1), (7, -1)):
        for seed in range(20):
            motion = scattered._moving(np.random.default_rng(seed), label, 20)
            assert sign * (motion[-1, 3] - motion[0, 3]) >= 60  # degrees, clockwise


def test_the_others_do_not_move(clips):
    counts = set()
    for clip in clips:
        others = clip.objects.boxes[1:].astype(float)
        counts.add(len(others))
        middles = (others[..., :2] + others[..., 2:]) / 2
        # Of a clip's first and last quarter: what shakes is on average where it was.
        quarter = len(clip.frames) // 4
        drift = middles[:, -quarter:].mean(axis=1) - middles[:, :quarter].mean(axis=1)
        assert np.abs(drift).max() < 0.12 * 64
    assert counts == {1, 2, 3}


def test_every_object_fits_what_a_centre_crop_shows(clips):
    boxes = np.concatenate([clip.objects.boxes.reshape(-1, 4) for clip in clips])
    assert boxes.min() >= 64 * 0.0625
    assert boxes.max() <= 64 * (1 - 0.0625)


def test_objects_are_anywhere(clips):
    middles = np.array([(c.boxes[:, :2] + c.boxes[:, 2:]).mean(axis=0) / 2 for c in clips]) / 64
    # Half-way between the edges, and spread out: the quickstart's deviate by 0.04.
    assert np.abs(middles.mean(axis=0) - 0.5).max() < 0.08
    assert middles.std(axis=0).min() > 0.1


def test_masks_are_where_boxes_are_and_nothing_hides_what_moves(clips):
    for clip in clips:
        masks, boxes = clip.objects.masks, clip.objects.boxes
        assert masks.shape == (len(boxes), *clip.frames.shape[:3])
        assert masks.sum(axis=0).max() == 1  # one object is seen at a pixel
        rows, columns = (np.nonzero(masks[0].any(axis=(0, axis)))[0] for axis in (2, 1))
        swept = [boxes[0, :, 0].min(), boxes[0, :, 1].min(), boxes[0, :, 2].max(),
                 boxes[0, :, 3].max()]  # fmt: skip
        seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(seen, swept, atol=2.5)
        assert masks[0].any(axis=(1, 2)).all()
        bright = clip.frames[masks[0]].mean()
        assert bright > clip.frames[~masks.any(axis=0)].mean() + 40


def test_no_two_objects_are_in_one_place_where_there_is_room():
    free = total = 0
    for k in range(60):
        boxes = drawn([2, k], k % 8).objects.boxes
        swept = np.concatenate([boxes[..., :2].min(axis=1), boxes[..., 2:].max(axis=1)], axis=-1)
        shared = scattered._overlaps(swept[1:], swept[0])
        free, total = free + (shared < 4).sum(), total + len(shared)
    assert free / total > 0.8


def test_areas_that_boxes_share_by_hand():
    boxes = np.array([[0.0, 0, 2, 2], [1, 1, 3, 4], [5, 5, 6, 6]])
    np.testing.assert_allclose(scattered._overlaps(boxes, np.array([1.0, 1, 3, 3])), [1, 4, 0])


def test_a_moving_camera_moves_what_does_not_move_by_itself():
    rests, moves = (drawn([3, 5], 4, moving_camera=moving) for moving in (False, True))
    assert len(rests.objects.boxes) == len(moves.objects.boxes)
    pans = []
    for k in range(30):
        boxes = drawn([4, k], 6, moving_camera=True).objects.boxes[1:]
        middles = (boxes[..., :2] + boxes[..., 2:]) / 2
        pans.append(np.abs(middles[0, -1] - middles[0, 0]).max() / 64)
    assert 0.03 < np.mean(pans) < scattered.PAN


def test_a_pair_is_a_clip_and_its_reversal_with_its_objects():
    one, other = pair(0, "train", 3, SIZE, "scattered")
    assert other.label == PARTNER[one.label]
    np.testing.assert_array_equal(other.frames, one.frames[::-1])
    np.testing.assert_array_equal(other.objects.boxes, one.objects.boxes[:, ::-1])
    np.testing.assert_array_equal(other.objects.masks, one.objects.masks[:, ::-1])


def test_what_a_model_blind_to_place_or_to_order_can_reach():
    """Printed in the docs: of the four motions it tells zooms and turns, and guesses the rest."""
    right = {"place": 0, "order": 0}
    for seed in range(25):
        for label in range(8):
            motion = scattered._moving(np.random.default_rng([9, seed]), label, 24)
            x, y, size, turn = motion[-1] - motion[0]
            blind = 0  # of the four that it cannot tell apart, any one
            if abs(size) > 0.3:
                blind = 4 if size > 0 else 5
            elif abs(turn) > 30:
                blind = 6 if turn > 0 else 7
            right["place"] += blind == label
            # All but the sign, which is all that playing backwards changes.
            kind = np.argmax(np.abs([x / 0.2, y / 0.2, size / 0.5, turn / 60]))
            right["order"] += 2 * kind == label
    assert right == {"place": 200 * 5 // 8, "order": 200 // 2}


def test_a_set_has_the_objects_of_each_clip(tmp_path):
    arguments = ["--output", str(tmp_path / "d"), "--train-clips", "8", "--processes", "1",
                 "--validation-clips", "8", "--layout", "scattered"]  # fmt: skip
    assert command.main(arguments) == 0
    settings = json.loads((tmp_path / "d/motion_pairs.json").read_text())
    assert (settings["layout"], settings["size"]) == ("scattered", [64, 64])
    for k in range(8):
        boxes = np.load(tmp_path / f"d/boxes/validation/{k:06d}.npy")
        with np.load(tmp_path / f"d/objects/validation/{k:06d}.npz") as objects:
            np.testing.assert_array_equal(objects["boxes"][0], boxes)
            assert objects["masks"].shape == (len(objects["boxes"]), len(boxes), 64, 64)
    again = motion_pairs.make(
        tmp_path / "e", train_clips=8, validation_clips=8, seed=0, processes=1, layout="scattered"
    )
    for path in again.rglob("*.np?"):
        assert path.read_bytes() == (tmp_path / "d" / path.relative_to(again)).read_bytes()
    with pytest.raises(ValueError, match="with other settings"):
        motion_pairs.make(tmp_path / "d", train_clips=8, validation_clips=8, seed=0)


def test_a_camera_moves_in_the_scattered_layout_alone(tmp_path, capsys):
    assert command.main(["--output", str(tmp_path / "d"), "--moving-camera"]) == 1
    assert "--moving-camera is of --layout scattered" in capsys.readouterr().err
    with pytest.raises(ValueError, match="layout is 'round': expected one of middle"):
        motion_pairs.make(tmp_path, train_clips=8, validation_clips=8, seed=0, layout="round")
