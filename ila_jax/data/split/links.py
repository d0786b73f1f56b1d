"""What keeps clips on one side of a split: a group that is given, a source video, a likeness."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ila_jax.data.check.duplicates import FileFacts, merged, same_content
from ila_jax.data.sources.split_names import LEFT_OUT
from ila_jax.data.sources.spreadsheet import LabelledClip
from ila_jax.data.split.near_duplicates import near_duplicates
from ila_jax.data.split.source_videos import source_videos
from ila_jax.data.split.strips import Strip

GROUP, NAME, CONTENT, LIKENESS = "group", "name", "content", "likeness"


class Link(NamedTuple):
    """Clips that belong on one side.

    members: their places. kind: one of the four above. name: of the group or the source video, or
    how far they agree.
    """

    members: list[int]
    kind: str
    name: str

    def reason(self, place: int, clips: Sequence[LabelledClip]) -> str:
        """Why one of the members is where it is, in words."""
        if self.kind == GROUP:
            return f"of group {self.name}"
        if self.kind == NAME:
            return f"of source video {self.name}, by its name"
        others = [clips[k].file for k in self.members if k != place]
        if self.kind == CONTENT:
            return f"the same bytes as {others[0]}"
        return f"looks like {others[0]} ({self.name})"


@dataclass(frozen=True)
class Groups:
    """The groups that links make of clips.

    number: int [n], the group of each clip, which has the number of its first. name: of each clip's
    group, "" where the clip is its only one. reason: why a clip is in its group, in words.
    """

    number: np.ndarray
    name: Sequence[str]
    reason: Sequence[str]


def grouped(clips: Sequence[LabelledClip], links: Sequence[Link]) -> Groups:
    """Clips that are linked, directly or by others, are one group."""
    number = np.arange(len(clips))
    for members in merged([link.members for link in links]):
        number[members] = members[0]
    names = defaultdict[int, dict[str, None]](dict)
    reasons = defaultdict[int, list[str]](list)
    for link in links:
        if link.kind in (GROUP, NAME):
            names[int(number[link.members[0]])][link.name] = None
        for place in link.members:
            reasons[place].append(link.reason(place, clips))
    sizes = np.bincount(number, minlength=len(clips))
    return Groups(
        number,
        # Without a name of its own, a group is called by its first clip.
        [" + ".join(names[k]) or clips[k].file * bool(sizes[k] > 1) for k in number.tolist()],
        ["; ".join(reasons[k]) for k in range(len(clips))],
    )


def given_groups(clips: Sequence[LabelledClip]) -> list[Link]:
    """The groups that a list names."""
    return _by_name(GROUP, [clip.group for clip in clips])


def named_source_videos(clips: Sequence[LabelledClip]) -> tuple[list[Link], list[str]]:
    """The source videos that the names of files tell, and what is to be said of them."""
    # Where a list says which clips belong together, it is not contradicted.
    names, notes = source_videos([clip.file for clip in clips])
    return _by_name(NAME, ["" if c.group else n for c, n in zip(clips, names, strict=True)]), notes


def same_files(paths: Sequence[str], files: FileFacts, problems: Sequence[str]) -> list[Link]:
    """The files with the same bytes. problems: of each file, "" of one that can be read."""
    same, _, _ = same_content(paths, files, most=len(paths))
    # Downloads that failed are often one and the same page of text: they are shown to nobody, and
    # would join all source videos that have one of them.
    videos = [[k for k in members if not problems[k]] for members in same]
    return [Link(members, CONTENT, "") for members in videos if len(members) > 1]


def likenesses(strips: Sequence[Strip], links: Iterable[Link]) -> list[Link]:
    """The pairs of videos that look alike, without those of which the bytes say it already."""
    copies = {
        frozenset((one, other))
        for link in links
        if link.kind == CONTENT
        for one in link.members
        for other in link.members
    }
    return [
        Link([one, other], LIKENESS, f"{agreement:.2f}")
        for one, other, agreement in near_duplicates(strips)
        if frozenset((one, other)) not in copies
    ]


def contradictions(links: Iterable[Link], clips: Sequence[LabelledClip]) -> list[str]:
    """Sentences about the same or like videos that have different labels."""
    sentences = []
    for kind, what in ((CONTENT, "are the same file"), (LIKENESS, "look alike")):
        pairs = [
            " and ".join(
                f"{clips[k].file} ({'; '.join(clips[k].labels)})" for k in link.members[:2]
            )
            for link in links
            if link.kind == kind and _differ([clips[k] for k in link.members])
        ]
        if pairs:
            more = f", and {len(pairs) - 3} more" if len(pairs) > 3 else ""
            times = "once" if len(pairs) == 1 else f"{len(pairs)} times"
            sentences.append(
                f"{times}, videos {what} and have different labels; take the wrong ones off: "
                f"{', '.join(pairs[:3])}{more}"
            )
    return sentences


def _differ(clips: Sequence[LabelledClip]) -> bool:
    """Whether those of the clips that are used have different labels.

    Downloads that failed are the same file in many classes, and are left out.
    """
    return len({frozenset(clip.labels) for clip in clips if clip.split != LEFT_OUT}) > 1


def _by_name(kind: str, names: Sequence[str]) -> list[Link]:
    members = defaultdict[str, list[int]](list)
    for place, name in enumerate(names):
        members[name].append(place)
    return [Link(places, kind, name) for name, places in members.items() if name]
