"""CLIP, and other models' weights, into any model: what is loaded, new, left, and refused."""

import dataclasses
import functools
import re

import numpy as np
import pytest
from flax.traverse_util import flatten_dict

import ila_jax
from ila_jax.models import model
from ila_jax.recognizer import Recognizer
from ila_jax.weights.adapt import Allow, adapt
from ila_jax.weights.create import around
from ila_jax.weights.folder import save
from ila_jax.weights.state_dict import from_torch, official_state, read_state
from tests.golden import cases

pytestmark = pytest.mark.usefixtures("quick_start")

NEW = ("message_", "mit.", "prompts_")


def state_of(case):
    """One block of each tower: every kind of parameter, in little time."""
    return {n: v for n, v in cases.state(case).items() if not re.search(r"resblocks\.[12]\.", n)}


def clip_state():
    return {
        name: value
        for name, value in state_of("xclip_tiny").items()
        if not any(part in name for part in NEW)
    }


@functools.cache
def source(case):
    config, variables, origin = read_state(state_of(case))
    return Recognizer(config, variables, None, origin)


def flat(recognizer):
    return {
        path: np.asarray(value)
        for tree in recognizer.variables
        for path, value in flatten_dict(tree, sep="/").items()
    }


def like(case, **changes):
    return dataclasses.replace(source(case).config, **changes)


def adapted(case, target, **allow):
    given = source(case)
    return adapt(given.config, given.variables, given.origin, target, allow=Allow(**allow), seed=3)


@pytest.mark.parametrize("case", ["xclip_tiny", "ila_k400_tiny", "ila_ssv2_tiny"])
def test_clip_goes_into_any_model_and_the_rest_starts_fresh(case):
    config, variables, origin = read_state(clip_state())
    target = like(case)
    made, report = adapt(config, variables, origin, target, allow=Allow(), seed=3)
    fresh = flat(Recognizer(target, model.initialize(target, 3)))
    clip, got = flat(Recognizer(config, variables)), flat(made)
    assert got.keys() == fresh.keys()
    assert set(report.loaded) | set(report.new) == set(got)
    for path, value in got.items():
        wanted = clip[path] if path in report.loaded else fresh[path]
        np.testing.assert_array_equal(value, wanted, err_msg=path)
    assert set(report.loaded) == clip.keys() & got.keys()
    assert set(report.skipped) == clip.keys() - got.keys()
    assert all("linear head" in why for why in report.skipped.values())


def test_a_model_around_clip_gives_clip_back():
    """What is new was in no file, so that it is in none afterwards; all of it on request."""
    config, variables, origin = read_state(clip_state())
    made, _ = adapt(config, variables, origin, like("ila_k400_tiny"), allow=Allow(), seed=0)
    back = official_state(made)
    assert back.keys() == clip_state().keys()
    assert all(np.array_equal(back[name], value) for name, value in clip_state().items())
    assert official_state(made, clip_only=False).keys() == state_of("ila_k400_tiny").keys()


def test_another_temporal_model_keeps_towers_and_heads():
    made, report = adapted("xclip_tiny", like("ila_k400_tiny"))
    assert {path.split("/")[3] for path in report.new} == {"temporal"}
    assert {path.split("/")[3] for path in report.skipped} == {"temporal"}
    assert "of another temporal model than ila" in set(report.skipped.values())
    given = flat(source("xclip_tiny"))
    np.testing.assert_array_equal(flat(made)["mit/positions"], given["mit/positions"])


def test_more_frames_only_when_asked():
    target = like("ila_k400_tiny", frames=6)
    with pytest.raises(ValueError, match="made for 4 frames, the model takes 6: add --frames 6"):
        adapted("ila_k400_tiny", target)
    made, report = adapted("ila_k400_tiny", target, frames=True)
    assert report.notes == ["mit/positions interpolated from 4 to 6 frames"]
    assert flat(made)["mit/positions"].shape == (6, 64)


def test_another_resolution_only_when_asked():
    target = like("ila_k400_tiny", resolution=128)
    with pytest.raises(ValueError, match="made for 112 px, the model takes 128: add --resolution"):
        adapted("ila_k400_tiny", target)
    made, report = adapted("ila_k400_tiny", target, resolution=True)
    assert report.notes == ["visual/embed/positions interpolated from 7×7 to 8×8"]
    positions = flat(source("ila_k400_tiny"))["visual/embed/positions"]
    np.testing.assert_array_equal(flat(made)["visual/embed/positions"][0], positions[0])


def test_other_classes_only_with_a_reset_head():
    target = like("ila_ssv2_tiny", classes=9)
    with pytest.raises(ValueError, match=r"head/fc/kernel is \[64, 5\], expected \[64, 9\]"):
        adapted("ila_ssv2_tiny", target)
    made, report = adapted("ila_ssv2_tiny", target, reset_head=True)
    assert report.notes == ["the linear head starts fresh, as reset_head asks"]
    assert sorted(report.new) == ["head/fc/bias", "head/fc/kernel"]
    assert flat(made)["head/fc/kernel"].shape == (64, 9)


def test_a_head_of_another_kind_only_with_a_reset_head():
    target = like("ila_k400_tiny", head="linear", classes=9)
    with pytest.raises(ValueError, match="the file has a text head, the model a linear head"):
        adapted("ila_k400_tiny", target)
    _, report = adapted("ila_k400_tiny", target, reset_head=True)
    assert all(path.startswith("head/") for path in report.new)


def test_a_text_head_wants_a_text_tower():
    with pytest.raises(ValueError, match="a linear head and no text tower"):
        adapted("ila_ssv2_tiny", like("ila_k400_tiny"))


def test_another_size_is_told_in_a_few_words():
    target = dataclasses.replace(like("ila_k400_tiny"), size="B/32", shape=None)
    with pytest.raises(ValueError, match="of another size than the model") as error:
        adapted("ila_k400_tiny", target)
    assert "width: 128 in the file, 768 in the model" in str(error.value)
    assert len(str(error.value)) < 500


def test_a_part_that_is_missing_from_its_own_model_is_no_news():
    config, variables, origin = read_state(state_of("ila_ssv2_tiny"))
    del variables.params["visual"]["blocks"]["0"]["temporal"]["fc"]
    with pytest.raises(ValueError, match="missing: visual/blocks/0/temporal/fc/kernel"):
        adapt(config, variables, origin, config, allow=Allow(), seed=0)


@pytest.fixture
def folder(tmp_path):
    config = dict(size="tiny", temporal="spatial", frames=4, head="linear", classes=3)
    save(ila_jax.create(**config, seed=1), tmp_path / "weights")
    return tmp_path / "weights"


def test_create_around_pretrained_weights(folder):
    made = ila_jax.create("tiny", "ila", 4, "linear", 3, pretrained=folder)
    pretrained_weights = flat(ila_jax.load(folder))
    for path, value in pretrained_weights.items():
        np.testing.assert_array_equal(flat(made)[path], value, err_msg=path)
    assert made.config.temporal == "ila"


def test_create_interpolates_and_resets_only_when_asked(folder):
    with pytest.raises(ValueError, match="made for 4 frames"):
        ila_jax.create("tiny", "spatial", 8, "linear", 3, pretrained=folder)
    with pytest.raises(ValueError, match="set reset_head"):
        ila_jax.create("tiny", "spatial", 4, "linear", 7, pretrained=folder)
    made = ila_jax.create(
        "tiny", "spatial", 8, "linear", 7, pretrained=folder, interpolate=True, reset_head=True
    )
    assert (made.config.frames, made.config.classes) == (8, 7)


def test_class_names_stay_with_a_text_head_and_go_with_other_classes():
    given = from_torch(state_of("xclip_tiny"), ["a", "b"])
    same = around(given, given.config, allow=Allow(), seed=0)
    assert same.class_names == ("a", "b")
    linear = dataclasses.replace(given.config, head="linear", classes=5)
    assert around(given, linear, allow=Allow(reset_head=True), seed=0).class_names is None


def test_what_is_new_starts_as_a_fresh_model_does(monkeypatch):
    """The same numbers, though only the missing ones are made."""
    monkeypatch.undo()
    config = dataclasses.replace(like("xclip_tiny"), temporal="spatial")
    clip, variables, origin = read_state(clip_state())
    made, report = adapt(clip, variables, origin, config, allow=Allow(frames=True), seed=5)
    fresh = flat(Recognizer(config, model.initialize(config, 5)))
    for path in report.new:
        np.testing.assert_array_equal(flat(made)[path], fresh[path], err_msg=path)


def test_fresh_values_of_an_earlier_conversion_are_kept_and_still_new():
    config, variables, origin = read_state(clip_state())
    target = like("xclip_tiny")
    first, report = adapt(config, variables, origin, target, allow=Allow(), seed=1)
    again, second = adapt(target, first.variables, first.origin, target, allow=Allow(), seed=2)
    assert report.new == second.new
    for path, value in flat(first).items():
        np.testing.assert_array_equal(flat(again)[path], value, err_msg=path)
    # Where they do not fit, others are made without being asked for: they were in no file.
    longer = dataclasses.replace(target, frames=6)
    made, third = adapt(target, first.variables, first.origin, longer, allow=Allow(), seed=2)
    assert flat(made)["mit/positions"].shape == (6, 64)
    assert third.notes == []
    assert third.loaded == report.loaded
