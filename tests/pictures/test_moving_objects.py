"""What is measured on moving objects, against values worked out by hand."""

import json

import numpy as np
import pytest

from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.synthetic.motion import draw_clip
from ila_jax.data.synthetic.videos import encode
from ila_jax.pictures.block_maps import AlignmentMaps, BlockMaps
from ila_jax.pictures.measure import tables
from ila_jax.pictures.moving_objects import (
    Mean,
    ObjectMeasures,
    PointsOnObject,
    of_heat,
    of_masks,
    of_points,
)
from ila_jax.pictures.overlay import in_frame
from ila_jax.pictures.scenes import count_scenes, read_scenes

# Two clips of two frames: the object in the upper left quarter, then lower right; and the other way
UPPER, LOWER = [0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]
BOXES = np.array([[UPPER, LOWER], [LOWER, UPPER]])
GRID = 4
# Where the middles of the quarters are on the grid of points.
NEAR, FAR = -2 / 3, 2 / 3


def aligned(points):
    points = np.asarray(points, np.float64)[:, None, None]  # one block, one pair
    masks = np.zeros((2, 1, 2, GRID, GRID))
    return AlignmentMaps(points, masks[:, :, :1], masks[:, :, 1:], masks)


def test_points_on_the_object_are_measured_as_such():
    on = aligned([[[NEAR, NEAR], [FAR, FAR]], [[FAR, FAR], [NEAR, NEAR]]])
    np.testing.assert_allclose(in_frame(on.points[0, 0, 0], GRID), [[0.25, 0.25], [0.75, 0.75]])
    found = of_points(on, 0, BOXES)
    assert found.block == 1
    assert found.distance.value == pytest.approx(0)
    assert found.centre.value == pytest.approx(0.5**0.5 / 2)
    assert found.others.value == pytest.approx(0.5**0.5)  # the other clip's object: across
    assert found.nearer.value == found.inside.value == 1


def test_points_that_know_nothing_of_the_object_are_as_far_from_all_objects():
    one = aligned([[[NEAR, NEAR], [NEAR, NEAR]]] * 2)
    found = of_points(one, 0, BOXES)
    assert found.distance.value == found.others.value == pytest.approx(0.5**0.5 / 2)
    assert found.nearer.value == found.inside.value == 0.5
    assert found.centre_inside.value == 1  # a corner of both boxes
    assert found.distance.margin == pytest.approx(0)


def test_a_margin_is_of_the_differences_between_clips():
    # Right in the first clip, wrong in the second: 0 and √½, standard deviation ½, error ½/√2.
    found = of_points(aligned([[[NEAR, NEAR], [FAR, FAR]], [[NEAR, NEAR], [FAR, FAR]]]), 0, BOXES)
    assert found.distance.margin == pytest.approx(1.96 * 0.5 / 2**0.5)


def block_maps(heat):
    heat = np.asarray(heat, np.float64)[:, None]
    return BlockMaps(heat, heat, None)


def test_heat_that_is_the_same_everywhere_is_on_the_object_by_its_area():
    heat = np.full((2, 2, GRID, GRID), 3.0)
    heat[0, 0, 0, 0] = heat[1, 1, 3, 3] = 1.0  # nothing is above the lowest of an equal map
    found = of_heat(block_maps(heat), 0, BOXES)
    assert found.area.value == 0.25
    first, second, third, fourth = 10 / 46, 12 / 48, 12 / 48, 12 / 46
    assert found.share.value == pytest.approx((first + second + third + fourth) / 4)


def test_contrast_is_of_what_is_above_the_lowest():
    heat = np.full((2, 2, GRID, GRID), 3.0)
    heat[0, 0, 0, 0], heat[0, 0, 3, 3], heat[1, 1, 1, 1] = 7.0, 5.0, 4.0
    found = of_heat(block_maps(heat), 0, BOXES)
    assert found.contrast.value == pytest.approx((4 / 6 + 1) / 2)


def test_mask_weight_on_the_object():
    found = aligned(np.zeros((2, 2, 2)))
    found.masks[:, :, :, 0, 0], found.masks[:, :, :, 3, 3] = 3.0, 1.0
    share = of_masks(found, 0, BOXES)
    assert share.share.value == pytest.approx(0.5)  # 3/4 and 1/4, in both clips
    assert share.area.value == share.middle.value == pytest.approx(0.25)


def test_scenes_have_the_boxes_of_the_frames_that_are_seen(tmp_path):
    for folder in ("videos", "boxes"):
        (tmp_path / folder / "validation").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(2):
        clip = draw_clip(rng, label=k, size=(128, 96))
        encode(clip, tmp_path / f"videos/validation/{k}.mp4")
        np.save(tmp_path / f"boxes/validation/{k}.npy", clip.boxes)
    lines = [f"videos/validation/{k}.mp4 {k}\n" for k in range(2)]
    (tmp_path / "validation.txt").write_text("".join(lines))
    (tmp_path / "motion_pairs.json").write_text(json.dumps({"size": [128, 96]}))
    steps = []
    recipe = ClipRecipe(frames=4, size=64, sampling="interval", scales=(1.0,))
    scenes = read_scenes(tmp_path, recipe, steps.append)
    assert len(steps) == count_scenes(tmp_path) == 2
    assert scenes.clips.shape == (2, 4, 64, 64, 3)
    # The object is far brighter than what is around it.
    for frame, box in zip(
        scenes.clips.reshape(-1, 64, 64, 3), scenes.boxes.reshape(-1, 4), strict=True
    ):
        bright = frame.mean(axis=-1) > 115
        rows, columns = np.nonzero(bright)
        middle = (box[:2] + box[2:]) / 2 * 64
        assert abs(columns.mean() + 0.5 - middle[0]) < 5
        assert abs(rows.mean() + 0.5 - middle[1]) < 5
        x0, y0, x1, y1 = box * 64
        assert x0 - 1.5 <= np.quantile(columns, 0.01)
        assert np.quantile(columns, 0.99) <= x1 + 0.5
        assert y0 - 1.5 <= np.quantile(rows, 0.01)
        assert np.quantile(rows, 0.99) <= y1 + 0.5
    boxes = tmp_path / "boxes/validation/1.npy"
    for damage in (boxes.read_bytes()[:50], b"", b"PK\x03\x04"):
        boxes.write_bytes(damage)
        with pytest.raises(ValueError, match=r"1\.npy cannot be read .* draw the set anew"):
            read_scenes(tmp_path, recipe, steps.append)


def test_a_folder_of_something_else_is_told_in_words(tmp_path):
    with pytest.raises(ValueError, match="is no folder of motion pairs"):
        count_scenes(tmp_path)


def test_tables_say_what_was_measured():
    found = aligned([[[NEAR, NEAR], [NEAR, NEAR]]] * 2)
    found.masks[...] = 1.0
    warm = of_heat(block_maps(np.ones((2, 2, GRID, GRID)) + np.eye(GRID)), 0, BOXES)
    points = PointsOnObject(
        1, *(Mean(k / 10, 0.0) for k in range(1, 7))
    )  # in the order of the columns
    masks = of_masks(found, 0, BOXES)
    one = ObjectMeasures("ila", 2, [warm], [points], [masks])
    heat, points, masks = tables([one])
    assert heat.cells == [["ila", "1", "30.0 ± 0.0", "1.20 times", "50.0 ± 0.0", "2.00 times",
                           "25.0 ± 0.0"]]  # fmt: skip
    assert points.cells == [["ila", "1", *(f"{10 * k}.0 ± 0.0" for k in range(1, 7))]]
    assert masks.cells[0][2:] == ["25.0 ± 0.0", "25.0 ± 0.0", "25.0 ± 0.0"]
    assert [table.title for table in tables([ObjectMeasures("ata", 2, one.heat, [], [])])] == [
        heat.title
    ]
