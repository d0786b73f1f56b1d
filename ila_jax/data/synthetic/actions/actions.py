"""The twelve actions, each as a play for the things and hands of a scene.

Actions that are each other's reversal are one play, forwards and backwards.
"""

from collections.abc import Callable

import numpy as np

from ila_jax.data.synthetic.actions.play import CLOSED, OPEN, POINTING, Motion, Place, Play

# Things by what they are there for, in every scene. The others stand by.
ROLES = ("target", "partner", "occluder", "cover")
HANDS = ("left hand", "right hand")

DEPTH = 0.42  # where it is done
BEHIND = 0.52  # depth of what is behind the occluder
BEFORE = 0.3  # depth of the occluder
REACH = 0.34  # farthest from the middle that anything is done
HIGH = (0.3, 0.38)  # that things are lifted


def perform(label: str, play: Play, frames: int, seconds: float) -> Motion:
    """Plays an action in so many frames, with idle time before and after it.

    label: one of the classes of `plan.py`.
    """
    lead, tail = play.rng.uniform(0.02, 0.2, 2)
    script, backwards = SCRIPTS[label]
    script(play)
    motion = play.sampled(frames, seconds, lead, tail)
    return motion.reversed() if backwards else motion


def _moving_right(play: Play) -> None:
    _move(play, 1)


def _moving_left(play: Play) -> None:
    _move(play, -1)


def _move(play: Play, direction: int) -> None:
    """Pushed, pulled or carried: where the hand is does not tell where the thing goes."""
    rng = play.rng
    length = rng.uniform(0.34, 0.62)
    middle = rng.uniform(-1, 1) * (REACH - length / 2)
    play.put("target", _on_table(middle - direction * length / 2))
    hand = _any_hand(play)
    side = ("top", "left", "right")[rng.integers(3)]
    height = rng.uniform(0.06, 0.16) if side == "top" and rng.random() < 0.4 else 0.0
    play.reach((hand, "target", side))
    end = _on_table(middle + direction * length / 2)
    play.carry((hand, "target", end), height=height)
    play.leave(hand)


def _covering(play: Play) -> None:
    start, end = _apart(play, 0.3, 0.5)
    play.put("target", _on_table(end))
    play.put("cover", _on_table(start) - (0, 0, 0.04))
    hand = _any_hand(play)
    play.reach((hand, "cover", "top"))
    over = _on_table(end) - (0, 0, 0.04)  # nearer than what it covers, and so drawn over it
    play.carry((hand, "cover", over), height=play.rng.uniform(*HIGH) - 0.08)
    play.leave(hand)


def _moving_closer(play: Play) -> None:
    rng = play.rng
    middle = rng.uniform(-0.03, 0.03)
    near = (play.sizes["target"][0] + play.sizes["partner"][0]) / 2 + rng.uniform(0, 0.03)
    far = rng.uniform(0.5, 0.62)
    things = ("target", "partner") if rng.random() < 0.5 else ("partner", "target")
    sides = ("left", "right") if rng.random() < 0.6 else ("top", "top")
    for thing, sign in zip(things, (-1, 1), strict=True):
        play.put(thing, _on_table(middle + sign * far / 2))
    play.reach(*zip(HANDS, things, sides, strict=True))
    ends = [_on_table(middle + sign * near / 2) for sign in (-1, 1)]
    play.carry(*zip(HANDS, things, ends, strict=True), height=0.0)
    play.leave(*HANDS)


def _putting_behind(play: Play) -> None:
    hand, place = _to_the_occluder(play)
    play.carry((hand, "target", place), height=play.rng.uniform(*HIGH))
    play.leave(hand)


def _dropping_behind(play: Play) -> None:
    hand, place = _to_the_occluder(play)
    play.carry((hand, "target", _up(play, place)), height=0.04)
    play.pause(0.1, 0.4)
    play.fall("target", hand)
    play.leave(hand)


def _pretending_to_drop(play: Play) -> None:
    hand, place = _to_the_occluder(play)
    start = play.places["target"]
    play.carry((hand, "target", _up(play, place)), height=0.04)
    play.pause(0.1, 0.4)
    by = np.array([0, -play.rng.uniform(0.05, 0.1), 0])
    for direction in (1, -1):
        play.shift(hand, direction * by, "target", pose=CLOSED)
    play.carry((hand, "target", start), height=0.04)
    play.leave(hand)


def _lifting_and_dropping(play: Play) -> None:
    place = _on_table(play.rng.uniform(-REACH, REACH))
    play.put("target", place)
    hand = _any_hand(play)
    play.reach((hand, "target", "top"))
    play.carry((hand, "target", _up(play, place)), height=0.0)
    play.pause(0.2, 0.6)
    play.fall("target", hand)
    play.pause(0.1, 0.4)
    play.leave(hand)


def _poking(play: Play) -> None:
    play.put("target", _on_table(play.rng.uniform(-REACH, REACH)))
    hand = _any_hand(play)
    pose = (POINTING, CLOSED, OPEN)[play.rng.integers(3)]
    # The hand comes from its own side: it would have to reach through the thing else.
    side = hand.removesuffix(" hand")
    play.reach((hand, "target", side), pose=pose)
    back = np.array([-0.09 if side == "left" else 0.09, 0.02, 0])
    for _ in range(play.rng.integers(1, 4)):
        play.shift(hand, back, pose=pose)
        play.shift(hand, -back, pose=pose)
        play.pause(0.1, 0.3)
    play.leave(hand, pose=pose)


def _to_the_occluder(play: Play) -> tuple[str, Place]:
    """A hand takes the target, which stands beside the occluder.

    Returns the hand, and the place behind the occluder.
    """
    start, screen = _apart(play, 0.32, 0.55)
    play.put("target", _on_table(start))
    play.put("occluder", np.array([screen, 0, BEFORE]))
    hand = _any_hand(play)
    play.reach((hand, "target", "top"))
    return hand, np.array([screen + play.rng.uniform(-0.04, 0.04), 0, BEHIND])


def _apart(play: Play, low: float, high: float) -> tuple[float, float]:
    """Two places in x, in either order, with a distance between low and high."""
    distance = play.rng.uniform(low, high)
    middle = play.rng.uniform(-1, 1) * (REACH - distance / 2)
    sign = play.rng.choice((-1, 1))
    return middle - sign * distance / 2, middle + sign * distance / 2


def _on_table(x: float) -> Place:
    return np.array([x, 0.0, DEPTH])


def _up(play: Play, place: Place) -> Place:
    """Above a place, and clear of the occluder's top."""
    x, height, depth = place
    return np.array([x, height + play.rng.uniform(*HIGH), depth])


def _any_hand(play: Play) -> str:
    return HANDS[play.rng.integers(2)]


# The play of each class, and whether it is shown backwards.
SCRIPTS: dict[str, tuple[Callable[[Play], None], bool]] = {
    "moving something from left to right": (_moving_right, False),
    "moving something from right to left": (_moving_left, False),
    "covering something": (_covering, False),
    "uncovering something": (_covering, True),
    "moving two things closer together": (_moving_closer, False),
    "moving two things apart": (_moving_closer, True),
    "putting something behind something": (_putting_behind, False),
    "taking something from behind something": (_putting_behind, True),
    "lifting something up then letting it drop": (_lifting_and_dropping, False),
    "dropping something behind something": (_dropping_behind, False),
    "pretending to drop something behind something": (_pretending_to_drop, False),
    "poking something so that it does not move": (_poking, False),
}
