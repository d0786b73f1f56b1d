"""What each file of the actions is: classes, source videos, near-duplicates, damage."""

from collections import Counter, defaultdict

import pytest

from ila_jax.data.synthetic.actions.plan import (
    CLASSES,
    COUNTS,
    FEWEST,
    REVERSALS,
    counts,
    plan,
)


@pytest.fixture(scope="module")
def files():
    return plan(500, 3)


def test_500_clips_have_the_shares_they_are_to_have(files):
    assert len({clip.file for clip in files}) == 500
    assert Counter(clip.label for clip in files) == COUNTS
    assert (min(COUNTS.values()), max(COUNTS.values()), len(CLASSES)) == (8, 120, 12)
    assert len({label for pair in REVERSALS for label in pair}) == 8
    assert Counter(clip.damage for clip in files) == {
        "": 485, "truncated": 5, "zeroed": 5, "not a video": 5
    }  # fmt: skip
    assert sum(clip.source is not None for clip in files) == 25


def test_copies_are_of_whole_files_of_another_source_video(files):
    for copy in (clip for clip in files if clip.source):
        source = copy.source
        assert source in files
        assert (source.label, source.source, source.damage, copy.damage) == (
            copy.label, None, "", ""
        )  # fmt: skip
        assert source.group != copy.group
        # Nothing else is cut from the video that the copy seems to be of.
        assert [clip for clip in files if clip.group == copy.group] == [copy]


def test_source_videos_have_up_to_six_clips_of_several_classes(files):
    groups = defaultdict(list)
    for clip in files:
        groups[clip.scene].append(clip)
    sizes = Counter(len(clips) for clips in groups.values())
    assert set(sizes) == {1, 2, 3, 4, 5, 6}
    for clips in groups.values():
        assert sorted(clip.part for clip in clips) == list(range(len(clips)))
    assert sum(len({clip.label for clip in clips}) > 1 for clips in groups.values()) > 50
    # So that a split by group can have each class on both sides.
    for label in CLASSES:
        assert len({clip.group for clip in files if clip.label == label}) >= 3


def test_names_begin_with_the_source_video(files):
    for clip in files:
        folder, name = clip.file.split("/")
        assert folder == clip.label.replace(" ", "_")
        assert name == f"scene{clip.group:03d}_{clip.part}.mp4"


def test_a_plan_depends_on_the_seed_alone(files):
    assert plan(500, 3) == files
    assert plan(500, 4) != files


@pytest.mark.parametrize("clips", [FEWEST, 25, 100, 499, 1000])
def test_every_size_has_a_whole_original_of_each_class(clips):
    assert sum(counts(clips).values()) == clips
    for seed in range(5):
        files = plan(clips, seed)
        assert Counter(clip.label for clip in files) == counts(clips)
        whole = {clip.label for clip in files if clip.source is None and not clip.damage}
        assert whole == set(CLASSES)


def test_too_few_clips_are_refused():
    with pytest.raises(ValueError, match="clips is 23: expected 24 or more, for 12 classes"):
        plan(23, 0)
