"""Which block and which frames go into which picture, with what two models were made to see."""

import av
import cv2
import numpy as np
import pytest

from ila_jax.pictures.album import write
from ila_jax.pictures.block_maps import AlignmentMaps, BlockMaps
from ila_jax.pictures.kinds import KINDS, ModelView, one_block
from ila_jax.pictures.overlay import EARLIER, LATER, dimmed, heat_overlay, mask_overlay, ring
from ila_jax.pictures.sheet import column_of, row_of, sheet_frames, sheet_picture

BLOCKS, TIMES, GRID, SIDE = 4, 3, 2, 32
GREY = np.stack([np.full((SIDE, SIDE, 3), level, np.uint8) for level in (90, 120, 150)])
COLUMNS = [f"frame {t}" for t in range(TIMES)]


def values(seed, *shape):
    return np.random.RandomState(seed).uniform(0.1, 1, (1, BLOCKS, *shape)).astype(np.float32)


def shown(title, seed, aligns=False):
    maps = (TIMES, GRID, GRID)
    pair = (TIMES - 1, GRID, GRID)
    aligned = AlignmentMaps(values(seed, TIMES - 1, 2, 2) - 0.5, values(seed + 1, *pair),
                      values(seed + 2, *pair), values(seed + 3, *maps))  # fmt: skip
    found = BlockMaps(values(seed + 4, *maps), values(seed + 5, *maps), aligned if aligns else None)
    return ModelView(title, GREY, found, COLUMNS)


MODELS = [shown("divided", 0), shown("ila", 10, aligns=True)]


def coloured(maps):
    return heat_overlay(GREY, maps, scale=(float(maps.min()), float(maps.max())))


@pytest.mark.parametrize(("kind", "block"), [("heat_middle", 1), ("heat_last", 3)])
def test_heat_is_raw_frames_and_a_row_for_each_model_on_its_own_scale(kind, block):
    (sheet,) = KINDS[kind](MODELS)
    np.testing.assert_array_equal(sheet.rows[0].tiles, GREY)
    for row, model in zip(sheet.rows[1:], MODELS, strict=True):
        np.testing.assert_array_equal(row.tiles, coloured(model.maps.heat[0, block]))
        assert row.caption.startswith(f"{model.title}, block {block + 1} of 4: ")
    assert sheet.columns == COLUMNS


def test_attention_is_a_sheet_for_each_model_and_a_row_for_each_block():
    sheets = KINDS["attention"](MODELS)
    assert [sheet.title.partition(":")[0] for sheet in sheets] == ["divided", "ila"]
    for sheet, model in zip(sheets, MODELS, strict=True):
        assert len(sheet.rows) == 1 + BLOCKS
        for row, maps in zip(sheet.rows[1:], model.maps.attention[0], strict=True):
            np.testing.assert_array_equal(row.tiles, coloured(maps))


def test_alignment_is_of_the_models_that_align():
    (sheet,) = KINDS["alignment"](MODELS)
    seen = MODELS[1].maps.aligned
    np.testing.assert_array_equal(sheet.rows[0].tiles, GREY)
    for i, row in enumerate(sheet.rows[1:]):
        expected = mask_overlay(GREY, seen.masks[0, i], seen.points[0, i])
        np.testing.assert_array_equal(row.tiles, expected)


def test_a_pair_shows_both_its_frames_with_its_own_masks():
    (sheet,) = KINDS["pairs"](MODELS)
    seen = MODELS[1].maps.aligned
    assert sheet.columns == ["frame 0 | frame 1", "frame 1 | frame 2"]
    tile = sheet.rows[2].tiles[1]  # the third block, the second pair
    left, right = dimmed(GREY[1], seen.earlier[0, 2, 1]), dimmed(GREY[2], seen.later[0, 2, 1])
    ring(left, seen.points[0, 2, 1, 0], GRID, EARLIER)
    ring(right, seen.points[0, 2, 1, 1], GRID, LATER)
    np.testing.assert_array_equal(tile[:, :SIDE], left)
    np.testing.assert_array_equal(tile[:, -SIDE:], right)


@pytest.mark.parametrize(("model", "captions"), [(0, 3), (1, 4)])
def test_one_block_shows_all_that_it_looks_at(model, captions):
    some = MODELS[model]
    sheet = one_block(some, 2)
    assert sheet.title == f"{some.title}, block 3 of 4"
    assert len(sheet.rows) == captions
    np.testing.assert_array_equal(sheet.rows[0].tiles, GREY)
    if (seen := some.maps.aligned) is not None:
        expected = mask_overlay(GREY, seen.masks[0, 2], seen.points[0, 2])
        np.testing.assert_array_equal(sheet.rows[1].tiles, expected)
    np.testing.assert_array_equal(sheet.rows[-2].tiles, coloured(some.maps.attention[0, 2]))
    np.testing.assert_array_equal(sheet.rows[-1].tiles, coloured(some.maps.heat[0, 2]))


def test_models_without_alignment_have_no_such_picture(tmp_path):
    made = {kind: sheets for kind, draw in KINDS.items() if (sheets := draw(MODELS[:1]))}
    assert list(made) == ["heat_middle", "heat_last", "attention"]
    paths = write(made, tmp_path / "out")
    names = ["heat_middle.png", "heat_last.png", "attention.png", "clip.gif", "clip.mp4"]
    assert [path.name for path in paths] == names
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)


def test_one_file_holds_all_kinds_and_the_models_of_each_side_by_side(tmp_path):
    made = {kind: KINDS[kind](MODELS) for kind in ("heat_last", "attention", "pairs")}
    pictures = [row_of([sheet_picture(sheet) for sheet in sheets]) for sheets in made.values()]
    assert write(made, tmp_path / "all.png") == [tmp_path / "all.png"]
    found = cv2.imread(str(tmp_path / "all.png"))[..., ::-1]
    np.testing.assert_array_equal(found, column_of(pictures))
    assert write(made, tmp_path / "all.gif") == [tmp_path / "all.gif"]
    with av.open(str(tmp_path / "all.gif")) as clip:
        assert clip.format.name == "gif"
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in clip.decode(video=0)]
    for t, frame in enumerate(frames):  # without pairs, which do not play
        (heat,), attention = made["heat_last"], made["attention"]
        expected = column_of(
            [sheet_frames(heat)[t], row_of([sheet_frames(sheet)[t] for sheet in attention])]
        )
        assert np.abs(frame - expected).mean() < 3  # of 256 colours
    assert len(frames) == TIMES
