"""Videos that are there more than once, in a split or in both, as findings."""

from collections.abc import Sequence

import numpy as np

from ila_jax.data.check.duplicates import FileFacts, groups, is_path, recording, same_content
from ila_jax.data.check.findings import Findings, ListedSplit
from ila_jax.data.sources.source import ground_truth
from ila_jax.files.counts import count_of

_COMPARED = 20_000  # files of which bytes are compared, at most


def add_repeats(findings: Findings, both: Sequence[ListedSplit]) -> None:
    """Adds the groups of videos that are the same, and a warning for each kind of them.

    both: the training split, then the validation split.
    """
    # One numbering of the videos of both splits: those for training come first.
    starts = np.cumsum([0, *(len(split.names) for split in both)])
    names = [name for split in both for name in split.names]
    labels = np.concatenate([ground_truth(split.opened.source) for split in both])
    # In the order from the plainest kind to what has to be concluded.
    kinds = {"path": groups(_paths(both)), "id": groups(_ids(both))}
    if all(split.files is not None for split in both):
        kinds["content"] = _same_content(findings, both, names)
    kinds["recording"] = groups(recording(video) for split in both for video in split.ids)
    reported: set[tuple[int, ...]] = set()  # each group once, under its plainest kind
    for kind, repeated in kinds.items():
        new = [group for group in repeated if tuple(group) not in reported]
        reported |= {tuple(group) for group in new}
        _report(findings, kind, new, names, labels, int(starts[1]))


def _paths(both: Sequence[ListedSplit]) -> list[str | None]:
    """The path of every video; None where videos are no files."""
    return [name if split.files else None for split in both for name in split.names]


def _ids(both: Sequence[ListedSplit]) -> list[str | None]:
    """The id of every video; None where it is a path, which says what the path has said."""
    # An id of a file with a folder in it is its path, also where no suffix says so.
    return [
        None if is_path(video) or (split.files and "/" in video) else video
        for split in both
        for video in split.ids
    ]


def _same_content(
    findings: Findings, both: Sequence[ListedSplit], names: Sequence[str]
) -> list[list[int]]:
    """Groups of files with the same bytes; warns where not all could be compared."""
    size = np.concatenate([split.files.size for split in both if split.files])
    inode = [number for split in both if split.files for number in split.files.inode]
    same, compared, alike = same_content(names, FileFacts(size, inode), most=_COMPARED)
    if compared < alike:
        findings.warnings.append(
            f"content: of {alike} files that share their size with another, {compared} drawn "
            "at random were compared"
        )
    return same


def _report(
    findings: Findings,
    kind: str,
    repeated: Sequence[list[int]],
    names: Sequence[str],
    labels: np.ndarray,
    first: int,
) -> None:
    """Adds groups of one kind to the findings.

    repeated: places of videos, ascending in each group. names: of all videos. labels: as of
    `ground_truth`. first: place of the first validation video, which follows those for training.
    """
    leaks = [group for group in repeated if group[0] < first <= group[-1]]
    # Several clips of one recording are what data sets are made of; in both splits they are a leak.
    within = [group for group in repeated if group not in leaks] if kind != "recording" else []
    for what, same in (
        (f"in both splits (a leak): the same {kind}", leaks),
        (f"more than once in a split: the same {kind}", within),
    ):
        findings.repeats += [
            {"same": kind, "leak": same is leaks, "videos": [names[place] for place in group]}
            for group in same
        ]
        if same:
            pairs = "; ".join(" = ".join(names[place] for place in group[:2]) for group in same[:3])
            differ = sum(len(np.unique(labels[group], axis=0)) > 1 for group in same)
            other = f", {differ} of them with more than one label" if differ else ""
            videos = count_of(len(same), "video is", "videos are")
            findings.warnings.append(f"{videos} {what}{other}, such as {pairs}")
