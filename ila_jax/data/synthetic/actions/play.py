"""Where things and hands are while something is done with them, beat by beat.

A place is (x, height, depth): x to the right from the middle of the picture, and height above the
table, both in short sides of the frame; depth, 0 at the table's near edge and 1 at the far one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

Place = Float64[np.ndarray, "3"]
# Progress [n] of a beat, from 0 to 1, to places [n, 3].
Path = Callable[[Float64[np.ndarray, "n"]], Float64[np.ndarray, "n 3"]]

OPEN, CLOSED, POINTING = range(3)  # poses of a hand
IN_FRONT = -0.02  # depth of a hand, from that of what it holds


@dataclass(frozen=True)
class Motion:
    """What happens in a clip of f frames.

    places: of each thing and hand by name, [f, 3]. poses: of each hand, [f].
    """

    places: dict[str, Float64[np.ndarray, "f 3"]]
    poses: dict[str, Int64[np.ndarray, "f"]]

    def reversed(self) -> "Motion":
        """The same backwards."""
        return Motion(
            {name: places[::-1] for name, places in self.places.items()},
            {name: poses[::-1] for name, poses in self.poses.items()},
        )


@dataclass(frozen=True)
class Beat:
    """A part of a play. seconds: relative to other beats, unless they are exact."""

    seconds: float
    exact: bool
    paths: dict[str, Path]
    poses: dict[str, int]


@dataclass
class Play:
    """What is done, as it is written: each method adds beats.

    rng: for the speeds and ways. places: where things and hands are now. sizes: width and height of
    each thing. outside: where each hand is while it is not seen.
    """

    rng: np.random.Generator
    sizes: Mapping[str, tuple[float, float]]
    outside: Mapping[str, Place]
    places: dict[str, Place] = field(default_factory=dict)
    beats: list[Beat] = field(default_factory=list)
    _start: dict[str, Place] = field(default_factory=dict)
    _grips: dict[str, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for hand, place in self.outside.items():
            self.put(hand, place)

    def put(self, name: str, place: Place) -> None:
        """Lets a thing stand somewhere at the beginning."""
        self.places[name] = self._start[name] = np.asarray(place, float)

    def pause(self, low: float, high: float) -> None:
        """Nothing moves. low, high: seconds, between which the length is drawn."""
        self._add(self.rng.uniform(low, high), {}, {})

    def reach(self, *holds: tuple[str, str, str], pose: int = CLOSED) -> None:
        """Hands come to things. holds: (hand, thing, side) with side top, left or right."""
        paths: dict[str, Path] = {}
        for hand, thing, side in holds:
            self._grips[hand] = self._grip(thing, side)
            paths[hand] = line(self.places[hand], self.places[thing] + self._grips[hand])
        hands = [hand for hand, _, _ in holds]
        self._add(self.rng.uniform(0.8, 1.3), paths, dict.fromkeys(hands, OPEN))
        self._add(0.15, {}, dict.fromkeys(hands, pose))

    def carry(self, *moves: tuple[str, str, Place], height: float, pose: int = CLOSED) -> None:
        """Hands that hold things move them. moves: (hand, thing, to). height: 0 to slide them."""
        paths: dict[str, Path] = {}
        for hand, thing, to in moves:
            way = over(self.places[thing], to, height)
            paths |= {thing: way, hand: _beside(way, self._grips[hand])}
        self._add(self.rng.uniform(1.2, 2.2), paths, {hand: pose for hand, _, _ in moves})

    def fall(self, thing: str, hand: str) -> None:
        """The hand opens, and the thing falls to the table."""
        start = self.places[thing]
        ground = start * (1, 0, 1)
        # Of half a metre's fall, or less: a short side of the frame is about a metre.
        seconds = float(np.sqrt(2 * start[1] / 9.8)) * 1.6
        self._add(seconds, {thing: falling(start, ground)}, {hand: OPEN}, exact=True)

    def shift(self, hand: str, by: Place, thing: str | None = None, pose: int = OPEN) -> None:
        """The hand makes a short movement, with a thing if it holds one."""
        actors = [hand, *([thing] if thing else [])]
        paths = {name: line(self.places[name], self.places[name] + by) for name in actors}
        self._add(self.rng.uniform(0.25, 0.45), paths, {hand: pose})

    def leave(self, *hands: str, pose: int = OPEN) -> None:
        """The hands go where they are not seen."""
        self._add(0.15, {}, dict.fromkeys(hands, pose))
        paths = {hand: line(self.places[hand], self.outside[hand]) for hand in hands}
        self._add(self.rng.uniform(0.8, 1.3), paths, dict.fromkeys(hands, pose))

    def sampled(self, frames: int, seconds: float, lead: float, tail: float) -> Motion:
        """The motion in frames. seconds: of the clip; lead, tail: its idle parts, of 1."""
        times = np.arange(frames) / max(frames - 1, 1)
        ends = self._ends(seconds * (1 - lead - tail)) / seconds + lead
        which = np.minimum(np.searchsorted(ends, times, side="right"), len(self.beats) - 1)
        starts = np.concatenate([[lead], ends[:-1]])
        progress = np.clip((times - starts[which]) / (ends - starts)[which], 0, 1)
        places = {name: self._places(name, which, progress) for name in self._start}
        return Motion(places, {hand: self._poses(hand, which) for hand in self.outside})

    def _ends(self, seconds: float) -> Float64[np.ndarray, "b"]:
        """When each beat ends, in seconds; those that are not exact fill the time."""
        exact = np.array([beat.exact for beat in self.beats])
        lengths = np.array([beat.seconds for beat in self.beats])
        lengths[~exact] *= (seconds - lengths[exact].sum()) / lengths[~exact].sum()
        return np.cumsum(lengths)

    def _places(self, name: str, which: np.ndarray, progress: np.ndarray) -> np.ndarray:
        places = np.empty((len(which), 3))
        now = self._start[name]
        for i, beat in enumerate(self.beats):
            path = beat.paths.get(name)
            places[which == i] = now if path is None else path(progress[which == i])
            now = now if path is None else path(np.ones(1))[0]
        return places

    def _poses(self, hand: str, which: np.ndarray) -> np.ndarray:
        poses = np.empty(len(which), int)
        now = OPEN
        for i, beat in enumerate(self.beats):
            now = beat.poses.get(hand, now)
            poses[which == i] = now
        return poses

    def _grip(self, thing: str, side: str) -> Place:
        """From where a thing stands to where a hand holds it."""
        width, height = self.sizes[thing]
        x, up = {"top": (0.0, 0.85), "left": (-0.4, 0.5), "right": (0.4, 0.5)}[side]
        return np.array([x * width, up * height, IN_FRONT])

    def _add(
        self, seconds: float, paths: dict[str, Path], poses: dict[str, int], exact: bool = False
    ) -> None:
        self.beats.append(Beat(seconds, exact, paths, poses))
        for name, path in paths.items():
            self.places[name] = path(np.ones(1))[0]


def line(start: Place, end: Place) -> Path:
    """Straight from one place to another, slowly at both ends."""
    return lambda s: start + (end - start) * _eased(s)[:, None]


def over(start: Place, end: Place, height: float) -> Path:
    """Up, across and down; the same backwards as from the other end."""

    def path(s: np.ndarray) -> np.ndarray:
        across = _eased(np.clip((s - 0.2) / 0.6, 0, 1)) if height else _eased(s)
        up = _eased(np.clip(s / 0.35, 0, 1)) * _eased(np.clip((1 - s) / 0.35, 0, 1))
        places: np.ndarray = start + (end - start) * across[:, None]
        places[:, 1] += height * up
        return places

    return path


def falling(start: Place, ground: Place) -> Path:
    """Down with growing speed, and once more a little up."""

    def path(s: np.ndarray) -> np.ndarray:
        first, again = s / 0.65, (s - 0.65) / 0.35
        share = np.where(first < 1, 1 - first**2, 0.32 * again * (1 - again))
        places: np.ndarray = ground + (start - ground) * share[:, None]
        return places

    return path


def _beside(path: Path, offset: Place) -> Path:
    return lambda s: path(s) + offset


def _eased(s: np.ndarray) -> np.ndarray:
    """Progress of the least jerk, as people move their hands (Flash and Hogan, 1985)."""
    eased: np.ndarray = s**3 * (10 - 15 * s + 6 * s**2)
    return eased
