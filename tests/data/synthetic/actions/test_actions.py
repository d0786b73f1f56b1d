"""Actions are what their classes say, by the places of things and hands in each frame."""

import numpy as np
import pytest

from ila_jax.data.sources.mirror import mirror_table
from ila_jax.data.synthetic.actions.actions import HANDS, SCRIPTS, perform
from ila_jax.data.synthetic.actions.plan import CLASSES, REVERSALS
from ila_jax.data.synthetic.actions.play import CLOSED, Play

SIZES = {
    "target": (0.22, 0.17), "partner": (0.18, 0.2), "cover": (0.3, 0.33), "occluder": (0.3, 0.4)
}  # fmt: skip
OUTSIDE = {"left hand": np.array([-1.0, 0.3, 0.2]), "right hand": np.array([1.0, 0.3, 0.2])}
SECONDS = 6.0
FRAMES = 181  # 30 a second


def motion(label, seed):
    return perform(label, Play(np.random.default_rng(seed), SIZES, OUTSIDE), FRAMES, SECONDS)


def motions(label):
    return [motion(label, seed) for seed in range(40)]


def held(motion, thing):
    """Frames before or in which a hand is closed at the thing, not farther than its own size."""
    near = [
        (motion.poses[hand] == CLOSED)
        & (np.hypot(*(motion.places[hand] - motion.places[thing])[:, :2].T) < 0.2)
        for hand in HANDS
    ]
    closed = np.any(near, 0)
    return closed | np.concatenate([[False], closed[:-1]])


def moves(motion, thing):
    return np.concatenate([[False], np.abs(np.diff(motion.places[thing], axis=0)).max(1) > 1e-9])


@pytest.mark.parametrize(
    ("label", "sign"),
    [
        ("moving something from left to right", 1),
        ("moving something from right to left", -1),
    ],
)
def test_one_thing_moves_to_a_side(label, sign):
    for action in motions(label):
        x, _, depth = action.places["target"].T
        assert 0.34 <= sign * (x[-1] - x[0]) <= 0.62
        assert (sign * np.diff(x) >= 0).all()
        assert np.ptp(depth) == 0
        assert set(action.places) == {"target", *HANDS}
        assert not (moves(action, "target") & ~held(action, "target")).any()


def test_a_cover_comes_over_the_target():
    for action in motions("covering something"):
        target, cover = action.places["target"], action.places["cover"]
        assert np.ptp(target, axis=0).max() == 0
        assert np.abs(cover[0, 0] - target[0, 0]) >= 0.3
        np.testing.assert_allclose(cover[-1, :2], target[-1, :2], atol=1e-9)
        assert cover[-1, 2] < target[-1, 2]  # in front of it
        assert cover[:, 1].max() > 0.15


def test_two_things_come_together():
    touching = (SIZES["target"][0] + SIZES["partner"][0]) / 2
    for action in motions("moving two things closer together"):
        distance = np.abs(action.places["target"] - action.places["partner"])[:, 0]
        assert distance[0] >= 0.5
        assert touching - 1e-9 <= distance[-1] <= touching + 0.03 + 1e-9
        assert (np.diff(distance) <= 1e-9).all()
        for thing in ("target", "partner"):
            assert np.ptp(action.places[thing][:, 0]) > 0.1


def test_the_target_is_put_behind():
    for action in motions("putting something behind something"):
        target, occluder = action.places["target"], action.places["occluder"]
        assert np.abs(target[0, 0] - occluder[0, 0]) >= 0.32
        assert np.abs(target[-1, 0] - occluder[-1, 0]) <= 0.04 + 1e-9
        assert target[-1, 2] > occluder[-1, 2]  # farther away
        assert (target[[0, -1], 1] == 0).all()
        assert np.ptp(occluder, axis=0).max() == 0
        assert not (moves(action, "target") & ~held(action, "target")).any()


@pytest.mark.parametrize(("forwards", "backwards"), REVERSALS[1:])
def test_reversals_are_the_same_play_backwards(forwards, backwards):
    for seed in range(5):
        one, other = motion(forwards, seed), motion(backwards, seed).reversed()
        assert one.places.keys() == other.places.keys()
        for name, places in one.places.items():
            np.testing.assert_array_equal(places, other.places[name])
        for hand, poses in one.poses.items():
            np.testing.assert_array_equal(poses, other.poses[hand])


def released(action):
    """The frame in which a thing that falls is on the table again, and the last one of holding."""
    height = action.places["target"][:, 1]
    top = np.flatnonzero(height > 0.2).max()
    return int(top), int(top + np.argmin(height[top:]))


@pytest.mark.parametrize(
    "label",
    ["lifting something up then letting it drop", "dropping something behind something"],
)
def test_what_is_dropped_falls_alone_and_fast(label):
    for action in motions(label):
        height = action.places["target"][:, 1]
        assert height[0] == 0
        assert height.max() >= 0.26
        assert height[-1] == 0
        top, landed = released(action)
        assert landed - top < 0.6 * FRAMES / SECONDS
        hand = max(HANDS, key=lambda name: np.ptp(action.places[name][:, 0]))
        assert action.places[hand][landed, 1] > 0.25  # the hand stays where it was
        assert action.poses[hand][landed] != CLOSED
        steps = np.diff(height[top:])
        first = steps[: np.argmax(steps >= 0) - 1]  # but the one in which it meets the table
        assert len(first) >= 2
        assert (np.diff(first) < 0).all()  # faster and faster


def test_what_is_lifted_and_dropped_stays_where_it_was():
    for action in motions("lifting something up then letting it drop"):
        np.testing.assert_allclose(np.ptp(action.places["target"][:, [0, 2]], axis=0), 0, atol=1e-9)


def test_what_is_dropped_behind_lies_behind():
    for action in motions("dropping something behind something"):
        target, occluder = action.places["target"][-1], action.places["occluder"][-1]
        assert np.abs(target[0] - occluder[0]) <= 0.04 + 1e-9
        assert target[2] > occluder[2]


def test_what_is_not_dropped_stays_in_the_hand_and_comes_back():
    for action in motions("pretending to drop something behind something"):
        target, occluder = action.places["target"], action.places["occluder"]
        np.testing.assert_allclose(target[-1], target[0], atol=1e-9)
        above = (np.abs(target[:, 0] - occluder[:, 0]) < 0.05) & (target[:, 2] > occluder[:, 2])
        assert above.any()
        assert (target[above, 1] > 0.1).all()
        assert not (moves(action, "target") & ~held(action, "target")).any()


def test_what_is_poked_does_not_move():
    for action in motions("poking something so that it does not move"):
        target = action.places["target"]
        assert np.ptp(target, axis=0).max() == 0
        distances = [np.abs(action.places[hand] - target)[:, 0] for hand in HANDS]
        assert min(distance.min() for distance in distances) <= SIZES["target"][0] / 2


def test_everything_that_is_done_lies_within_the_middle_of_the_picture():
    for label in CLASSES:
        for action in motions(label)[:20]:
            for name, places in action.places.items():
                if name not in HANDS:
                    assert np.abs(places[:, 0]).max() <= 0.42
                    assert places[:, 1].max() <= 0.42


def test_half_way_through_reversals_look_alike():
    """Neither where things are nor whether they are held tells an action from its reversal."""
    for pair in REVERSALS:
        middles = [
            np.mean([action.places["target"][FRAMES // 2] for action in motions(label)], axis=0)
            for label in pair
        ]
        assert np.abs(middles[0] - middles[1]).max() < 0.08


def test_there_is_a_script_for_each_class():
    assert set(SCRIPTS) == set(CLASSES)


def test_flips_swap_left_and_right_alone():
    swaps = mirror_table(CLASSES)
    left, right = (CLASSES.index(label) for label in REVERSALS[0])
    assert swaps[left] == right
    assert swaps[right] == left
    assert all(swaps[k] == k for k in range(len(CLASSES)) if k not in (left, right))
