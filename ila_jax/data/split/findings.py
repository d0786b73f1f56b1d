"""What is to be said of a split: what was found, and what makes it less trustworthy."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ila_jax.data.sources.split_names import LEFT_OUT, SPLITS, TRAIN
from ila_jax.data.sources.spreadsheet import LabelledClip
from ila_jax.data.split.links import CONTENT, GROUP, LIKENESS, NAME, Link
from ila_jax.files.counts import count_of
from ila_jax.tables import Table

_SHOWN = 3  # names that a sentence gives
_FEW = 10  # clips of a class, below which it is named


def table(clips: Sequence[LabelledClip], class_names: Sequence[str]) -> Table:
    """How many clips, groups and classes each split has."""
    cells = []
    for split in _present(clips):
        inside = [clip for clip in clips if clip.split == split]
        groups = {clip.group or clip.file for clip in inside}
        counts = Counter(label for clip in inside for label in clip.labels)
        smallest = min(counts[name] for name in class_names)
        share = f"{100 * len(inside) / sum(clip.split in SPLITS for clip in clips):.1f} %"
        row = [split, len(inside), share, len(groups), len(counts), smallest]
        cells.append([str(cell) for cell in row])
    header = ["split", "clips", "share", "groups", "classes", "clips of the smallest class"]
    return Table("", header, cells)


def counted(links: Iterable[Link]) -> list[str]:
    """A sentence about what keeps clips together; none where nothing does."""
    counts = Counter(link.kind for link in links if len(link.members) > 1)
    words = {
        GROUP: ("given group", "given groups"),
        NAME: ("source video by the names of files", "source videos by the names of files"),
        CONTENT: ("file that is there more than once", "files that are there more than once"),
        LIKENESS: ("pair of videos that look alike", "pairs of videos that look alike"),
    }
    kept = [count_of(counts[kind], *both) for kind, both in words.items() if counts[kind]]
    return [f"kept on one side each: {', '.join(kept)}"] if kept else []


def left_out(clips: Sequence[LabelledClip]) -> list[str]:
    """A sentence about the clips that no split has: for the most frequent reasons, a clip each."""
    out = [clip for clip in clips if clip.split == LEFT_OUT]
    files = defaultdict[str, list[str]](list)
    for clip in out:
        files[clip.reason.rstrip(".") or "by the list"].append(clip.file)
    of_reason = sorted(files.items(), key=lambda item: -len(item[1]))[:_SHOWN]
    some = "; ".join(f"{reason} ({len(those)}, such as {those[0]})" for reason, those in of_reason)
    return [f"{len(out)} of {len(clips)} clips are left out: {some}"] if out else []


def shortcomings(clips: Sequence[LabelledClip], class_names: Sequence[str]) -> list[str]:
    """Sentences about what a split lacks, also one that somebody has edited."""
    absent = _absent(clips, class_names)
    lacking = {name for names in absent.values() for name in names}
    # A class that a side lacks is named for that, and not for its few clips as well.
    whole = [name for name in class_names if name not in lacking]
    return [
        *_on_both_sides(clips),
        *_absences(clips, absent, len(class_names)),
        *_few(clips, whole, of_other="other " if lacking else ""),
    ]


def _present(clips: Sequence[LabelledClip]) -> list[str]:
    return [split for split in SPLITS if any(clip.split == split for clip in clips)]


def _on_both_sides(clips: Sequence[LabelledClip]) -> list[str]:
    """What is of one group and on several sides: the same video is learnt and then asked for."""
    sides = defaultdict[str, dict[str, str]](dict)
    for clip in clips:
        if clip.group and clip.split in SPLITS:
            sides[clip.group].setdefault(clip.split, clip.file)
    torn = [(group, files) for group, files in sides.items() if len(files) > 1]
    if not torn:
        return []
    some = "; ".join(
        f"{group}: " + " and ".join(f"{file} in {split}" for split, file in files.items())
        for group, files in torn[:_SHOWN]
    )
    groups = count_of(len(torn), "group is", "groups are")
    return [f"{groups} on more than one side, which makes accuracies too good: {some}"]


def _absent(clips: Sequence[LabelledClip], class_names: Sequence[str]) -> dict[str, list[str]]:
    """The classes that each side has no clip of; sides that have all are left out."""
    has = {(clip.split, label) for clip in clips for label in clip.labels}
    absent = {
        split: [name for name in class_names if (split, name) not in has]
        for split in _present(clips)
    }
    return {split: names for split, names in absent.items() if names}


def _absences(
    clips: Sequence[LabelledClip], absent: Mapping[str, Sequence[str]], classes: int
) -> list[str]:
    """Sentences about what `_absent` returns, with how many groups and clips a class has in all."""
    groups, counts = defaultdict[str, set[str]](set), Counter[str]()
    for clip in clips:
        if clip.split in SPLITS:
            counts.update(clip.labels)
            for label in clip.labels:
                groups[label].add(clip.group or clip.file)
    sentences = []
    for split, names in absent.items():
        some = ", ".join(
            f"{name!r} ({_of_groups(counts[name], len(groups[name]))})" for name in names[:_SHOWN]
        )
        more = ", …" if len(names) > _SHOWN else ""
        effect = "cannot be learnt" if split == TRAIN else "are not measured"
        sentences.append(
            f"{split} has no clip of {len(names)} of {classes} classes, which {effect}: "
            f"{some}{more}"
        )
    return sentences


def _of_groups(clips: int, groups: int) -> str:
    if clips < 2:
        return "one clip in all" if clips else "no clip at all"
    return f"{clips} clips, all of {count_of(groups, 'group', 'groups')}"


def _few(clips: Sequence[LabelledClip], names: Sequence[str], of_other: str) -> list[str]:
    """Those of some classes that have few clips. of_other: "other " where these are not all."""
    counts = Counter(label for clip in clips if clip.split in SPLITS for label in clip.labels)
    few = [name for name in names if counts[name] < _FEW]
    if not few:
        return []
    some = ", ".join(f"{name!r} ({counts[name]})" for name in few[:_SHOWN])
    more = ", …" if len(few) > _SHOWN else ""
    return [
        f"{len(few)} of {len(names)} {of_other}classes have fewer than {_FEW} clips: {some}{more}"
    ]
