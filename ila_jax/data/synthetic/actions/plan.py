"""What each file of the set is: its class, its source video, and what is wrong with it."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

# Clips of each class among 500. Pairs of classes that are each other's reversal are unbalanced too.
COUNTS = {
    "moving something from left to right": 120,
    "covering something": 90,
    "putting something behind something": 70,
    "moving two things closer together": 55,
    "moving something from right to left": 42,
    "moving two things apart": 33,
    "lifting something up then letting it drop": 26,
    "uncovering something": 20,
    "taking something from behind something": 14,
    "dropping something behind something": 12,
    "pretending to drop something behind something": 10,
    "poking something so that it does not move": 8,
}
CLASSES = tuple(COUNTS)
# Pairs whose actions are each other's reversal in time.
REVERSALS = (
    ("moving something from left to right", "moving something from right to left"),
    ("covering something", "uncovering something"),
    ("putting something behind something", "taking something from behind something"),
    ("moving two things closer together", "moving two things apart"),
)
NEAR_DUPLICATES = 0.05  # of the files
DAMAGED = 0.03
DAMAGES = ("truncated", "zeroed", "not a video")
GROUP = (1, 6)  # clips that are cut from one source video
RUN = (1, 3)  # clips of one class in a row, within and across source videos
FEWEST = 2 * len(CLASSES)  # clips of the smallest set


@dataclass(frozen=True)
class Clip:
    """A file of the set.

    number: decides what is drawn. group: number of the source video. part: number of the clip
    within its source video. source: the clip that this one is a near-duplicate of, or None.
    damage: one of `DAMAGES`, or "".
    """

    number: int
    label: str
    group: int
    part: int
    source: "Clip | None" = None
    damage: str = ""

    @property
    def scene(self) -> str:
        """The name of the source video, with which the file's name begins."""
        return f"scene{self.group:03d}"

    @property
    def file(self) -> str:
        """The path below the folder of all videos, `CLASS/scene012_3.mp4`."""
        return f"{self.label.replace(' ', '_')}/{self.scene}_{self.part}.mp4"


def plan(clips: int, seed: int) -> list[Clip]:
    """All files of a set of so many clips, in order of their numbers.

    Near-duplicates come last. Their source videos have names of their own, as those of videos that
    were downloaded twice do.
    """
    rng = np.random.default_rng([seed, 0])
    labels = [label for label, count in counts(clips).items() for _ in range(count)]
    # The first of each class is an undamaged original, so that every class has one.
    others = [i for i in range(1, clips) if labels[i] == labels[i - 1]]
    copied = set(rng.choice(others, round(clips * NEAR_DUPLICATES), replace=False).tolist())
    originals = _originals(rng, [label for i, label in enumerate(labels) if i not in copied])
    copies: list[Clip] = []
    for index in sorted(copied):
        sources = [clip for clip in originals if clip.label == labels[index]]
        source = sources[rng.integers(len(sources))]
        copies.append(Clip(len(originals) + len(copies), source.label, 0, 0, source))
    damaged = _damaged(rng, originals, copies, round(clips * DAMAGED))
    return _renamed(rng, damaged + copies)


def counts(clips: int) -> dict[str, int]:
    """Clips of each class in a set of so many, in the proportions of `COUNTS`, at least one each.

    Errors: ValueError where they are fewer than `FEWEST`.
    """
    if clips < FEWEST:
        raise ValueError(f"clips is {clips}: expected {FEWEST} or more, for {len(CLASSES)} classes")
    exact = {label: count * clips / sum(COUNTS.values()) for label, count in COUNTS.items()}
    whole = {label: max(1, int(share)) for label, share in exact.items()}
    # What rounding took away, or the smallest classes were given, is evened out at the largest.
    whole[CLASSES[0]] += clips - sum(whole.values())
    return whole


def _originals(rng: np.random.Generator, labels: list[str]) -> list[Clip]:
    """Clips with these labels, cut from source videos.

    A source video shows an action several times and then another one, as people record them: a
    split that ignores the groups lets a model know the scenes of its test clips by their class.
    """
    runs: list[list[str]] = []
    for label, count in Counter(labels).items():
        while count > 0:
            length = min(count, int(rng.integers(RUN[0], RUN[1] + 1)))
            runs.append([label] * length)
            count -= length
    order = [label for i in rng.permutation(len(runs)) for label in runs[i]]
    clips: list[Clip] = []
    group = 0
    while len(clips) < len(order):
        start = len(clips)
        size = int(rng.integers(GROUP[0], GROUP[1] + 1))
        for part, label in enumerate(order[start : start + size]):
            clips.append(Clip(start + part, label, group, part))
        group += 1
    return clips


def _damaged(
    rng: np.random.Generator, originals: list[Clip], copies: list[Clip], count: int
) -> list[Clip]:
    """The originals, `count` of them damaged: none that has a copy, nor the first of a class."""
    spared = {copy.source.number for copy in copies if copy.source}
    for label in CLASSES:
        spared.add(next(clip.number for clip in originals if clip.label == label))
    others = [clip.number for clip in originals if clip.number not in spared]
    clips = list(originals)
    for i, number in enumerate(rng.choice(others, count, replace=False)):
        clips[number] = replace(clips[number], damage=DAMAGES[i % len(DAMAGES)])
    return clips


def _renamed(rng: np.random.Generator, clips: list[Clip]) -> list[Clip]:
    """The clips with other numbers of groups, so that those of copies lie among the others'."""
    groups = max(clip.group for clip in clips) + 1
    copies = sum(clip.source is not None for clip in clips)
    names = rng.permutation(groups + copies).tolist()
    renamed: list[Clip] = []
    for clip in clips:
        if clip.source is None:
            renamed.append(replace(clip, group=names[clip.group]))
        else:
            source = renamed[clip.source.number]
            renamed.append(replace(clip, group=names[groups], source=source))
            groups += 1
    return renamed
