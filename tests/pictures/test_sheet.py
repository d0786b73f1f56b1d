"""Sheets and files: where tiles come to lie, and that what is written is read back."""

import av
import cv2
import numpy as np
import pytest

from ila_jax.pictures.files import write_gif, write_mp4, write_png
from ila_jax.pictures.sheet import Sheet, Strip, column_of, row_of, sheet_frames, sheet_picture

TIMES, SIDE = 3, 40


def tile(level):
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def sheet(rows=2):
    made = [
        Strip(f"row {r}", np.stack([tile(10 + 50 * r + t) for t in range(TIMES)]))
        for r in range(rows)
    ]
    return Sheet("title", [f"{t} s" for t in range(TIMES)], made, "a note")


def where(picture, level):
    """Top, left, height and width of the one square of a level."""
    rows, columns = np.nonzero((picture == level).all(axis=-1))
    # Strokes of letters have such levels as well: the square is where most of them are.
    rows = [r for r in np.unique(rows) if (rows == r).sum() >= SIDE]
    columns = [c for c in np.unique(columns) if (columns == c).sum() >= SIDE]
    return rows[0], columns[0], len(rows), len(columns)


def test_time_goes_right_and_rows_go_down():
    picture = sheet_picture(sheet())
    for t in range(TIMES):
        upper, lower = where(picture, 10 + t), where(picture, 60 + t)
        assert upper[1] == lower[1] == t * (SIDE + 6)
        assert upper[2:] == lower[2:] == (SIDE, SIDE)
        assert lower[0] > upper[0] + SIDE


def test_a_long_caption_widens_the_sheet_and_letters_opencv_lacks_do_no_harm():
    made = sheet()
    long = Sheet("größer " * 30, made.columns, made.rows, "note")
    assert sheet_picture(long).shape[1] > sheet_picture(made).shape[1]


def test_a_clip_plays_one_column_after_the_other():
    pictures = sheet_frames(sheet(rows=5))
    assert len(pictures) == TIMES
    for t, picture in enumerate(pictures):
        places = [where(picture, 10 + 50 * r + t) for r in range(5)]
        assert len({top for top, *_ in places[:4]}) == 1
        assert places[4][0] > places[0][0] + SIDE
        assert places[4][1] == places[0][1]
        other = (t + 1) % TIMES
        assert (picture == 10 + other).all(axis=-1).sum() < SIDE


def test_pictures_of_unequal_size_are_padded_with_paper():
    small, large = tile(0)[:10, :20], tile(0)
    assert (row_of([small, large])[10:, :20] == 255).all()
    assert (column_of([small, large])[:10, 20:] == 255).all()
    assert row_of([small, large]).shape == (SIDE, SIDE + 20 + 6, 3)


def colours():
    """Odd sides, and colours that H.264's halved chroma keeps within a few levels."""
    pictures = [np.full((61, 83, 3), (40 * i, 200 - 40 * i, 100), np.uint8) for i in range(4)]
    for picture in pictures:
        picture[:20, :20] = (255, 140, 0)
    return pictures


def test_a_png_is_read_back_as_it_was(tmp_path):
    write_png(colours()[1], tmp_path / "one.png")
    found = cv2.imread(str(tmp_path / "one.png"))[..., ::-1]
    np.testing.assert_array_equal(found, colours()[1])


@pytest.mark.parametrize(
    ("name", "write", "times", "error"), [("a.gif", write_gif, 1, 0), ("a.mp4", write_mp4, 3, 4)]
)
def test_a_clip_is_read_back(name, write, times, error, tmp_path):
    write(colours(), tmp_path / name)
    with av.open(str(tmp_path / name)) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == [k / 4 for k in range(4 * times)]
    for frame, picture in zip(frames, colours() * times, strict=True):
        found = frame.to_ndarray(format="rgb24").astype(int)
        for y, x in ((10, 10), (50, 50)):
            assert np.abs(found[y, x] - picture[y, x]).max() <= error
    assert (b"NETSCAPE2.0" in (tmp_path / name).read_bytes()) == (name == "a.gif")
