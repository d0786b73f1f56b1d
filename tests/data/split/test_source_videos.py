"""Which clips come from one source video, by the names of their files."""

import pytest

from ila_jax.data.split.source_videos import source_videos


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("scene012_3.mp4", "scene012"),
        ("v_Archery_g01_c02.avi", "v_Archery_g01"),
        ("P01_105_start_stop.mp4", "P01_105"),
        ("P01_105_10_20.mp4", "P01_105"),
        ("April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "April_09_brush_hair"),
        ("person01_boxing_d1_uncomp.avi", "person01"),
        ("S001C002P003R002A013_rgb.avi", "S001 P003"),
        ("-0abcDEF_12_000010_000020.mp4", "-0abcDEF_12"),  # Kinetics
        ("_8Vy3dlHg2w_00012.mp4", "_8Vy3dlHg2w"),  # Diving48
        ("film 7 part 03.mp4", "film 7"),
        ("film7-clip12.mp4", "film7"),
        ("video12_100_250.mp4", "video12"),
        ("IMG_0012 (2).mov", "IMG_0012"),
        ("a/b/take4.1.mkv", "take4"),
        # What names no source video: a plain number, as in Something-Something, or one number.
        ("123456.webm", ""),
        ("running_012.mp4", ""),
        ("clip 12.mp4", ""),
        ("take4.mkv", ""),
        ("birthday.mp4", ""),
    ],
)
def test_the_name_of_a_file_may_name_its_source(name, source):
    others = [f"other{k}_1.mp4" for k in range(20)]
    names, notes = source_videos([name, *others])
    assert names[0] == source
    assert not notes


def test_a_name_that_all_files_have_is_no_source_video():
    names, notes = source_videos([f"cam1_{k:04d}.mp4" for k in range(40)] + ["v_Run_g01_c02.avi"])
    assert set(names[:-1]) == {""}
    assert names[-1] == "v_Run_g01"  # of a known data set, and no guess
    assert "40 of 41 files are called cam1 and a number" in notes[0]
