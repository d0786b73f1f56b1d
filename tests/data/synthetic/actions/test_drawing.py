"""Frames show what the places say, and nothing in them tells the class that should not."""

from dataclasses import replace

import numpy as np
import pytest

from ila_jax.data.synthetic.actions.drawing import Drawing
from ila_jax.data.synthetic.actions.plan import CLASSES
from ila_jax.data.synthetic.actions.play import Motion
from ila_jax.data.synthetic.actions.scene import scene
from ila_jax.data.synthetic.actions.take import take


@pytest.fixture(scope="module")
def room():
    """A scene with a camera on a tripod."""
    return replace(scene(0, 7), camera=(0.0, 0.0, 0.0), rate=10)


def ends(room, shown):
    """The first and the last frame."""
    drawing = Drawing(room, shown)
    return drawing.frame(0), drawing.frame(len(drawing) - 1)


def without(shown, thing):
    places = {name: value for name, value in shown.motion.places.items() if name != thing}
    return replace(shown, motion=Motion(places, shown.motion.poses))


def alone(room, shown):
    """The take without hands and without what passes by, for a clear view."""
    things = {k: v for k, v in shown.motion.places.items() if k in room.things}
    return replace(shown, motion=Motion(things, {}), extras=[])


def target_pixels(room, label, number=3):
    """Where the target and its shadow show in the first and in the last frame."""
    shown = alone(room, take(0, number, label, room))
    pairs = zip(ends(room, shown), ends(room, without(shown, "target")), strict=True)
    return [np.abs(one.astype(int) - other).max(-1) > 8 for one, other in pairs]


@pytest.mark.parametrize(
    ("label", "sign"),
    [
        ("moving something from left to right", 1),
        ("moving something from right to left", -1),
    ],
)
def test_the_target_is_seen_to_move_to_a_side(room, label, sign):
    first, last = (np.nonzero(seen)[1].mean() for seen in target_pixels(room, label))
    assert sign * (last - first) > 0.3 * min(room.size)


@pytest.mark.parametrize(
    ("label", "hidden"),
    [
        ("covering something", 1),
        ("uncovering something", 0),
        ("putting something behind something", 1),
        ("taking something from behind something", 0),
        ("dropping something behind something", 1),
    ],
)
def test_what_is_covered_or_behind_is_hidden(room, label, hidden):
    counts = [int(seen.sum()) for seen in target_pixels(room, label)]
    assert counts[hidden] < 0.4 * counts[1 - hidden]
    assert counts[1 - hidden] > 0.005 * np.prod(room.size)


def test_all_but_the_action_is_the_same_for_every_class(room):
    first, *others = (take(0, 5, label, room) for label in CLASSES)
    for other in others:
        np.testing.assert_array_equal(other.camera, first.camera)
        assert len(other.extras) == len(first.extras)


def test_nothing_stands_where_something_is_put(room):
    for number in range(20):
        shown = take(0, number, "covering something", room)
        ends = shown.motion.places["cover"][[0, -1], 0]
        for role, place in shown.idle.items():
            assert role not in shown.motion.places
            assert np.abs(ends - place[0]).min() > 0.07
            assert place[2] >= 0.6


def test_a_scene_and_a_take_depend_on_their_numbers_alone():
    one, again, other = (scene(0, group) for group in (4, 4, 5))
    frames = [Drawing(room, take(0, 9, CLASSES[0], room)).frame(3) for room in (one, again)]
    np.testing.assert_array_equal(*frames)
    assert one.picture.tobytes() != other.picture.tobytes()


def test_clips_of_one_source_video_share_the_room_and_differ_in_time(room):
    one, other = (take(0, number, CLASSES[1], room) for number in (1, 2))
    assert not np.array_equal(one.camera[0], other.camera[0])
    assert len(one.camera) != len(other.camera)


def test_a_drawing_has_all_frames_in_order(room):
    shown = take(0, 2, CLASSES[0], room)
    drawing = Drawing(room, replace(shown, camera=shown.camera[:4]))
    np.testing.assert_array_equal(list(drawing), [drawing.frame(k) for k in range(4)])
    assert drawing.frame(0).shape == (*room.size[::-1], 3)


def test_lengths_are_two_to_ten_seconds(room):
    lengths = [len(take(0, number, CLASSES[0], room).camera) / room.rate for number in range(20)]
    assert 2 <= min(lengths) < 4
    assert 8 < max(lengths) <= 10


def test_the_camera_and_the_light_change_what_is_seen():
    moved = replace(scene(0, 7), camera=(1.0, 1.0, 1.0), rate=10)
    still = replace(moved, camera=(0.0, 0.0, 0.0))
    shown, quiet = (take(0, 3, CLASSES[0], room) for room in (moved, still))
    assert np.ptp(quiet.camera, axis=0).max() < 1e-9
    assert np.ptp(shown.camera[:, 0, 2]) > 2  # pixels
    assert np.ptp(shown.camera[:, 0, 0]) > 0.01 * shown.camera[:, 0, 0].mean()
    grey = np.full((*moved.size[::-1], 3), 100, np.uint8)
    levels = [shown.light(grey, frame).mean() for frame in range(len(shown.camera))]
    assert np.ptp(levels) > 2
