"""Splits videos into training, validation and test, and says why each clip is where it is."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ila_jax.data.check.duplicates import stat_files
from ila_jax.data.sources.own_videos import OwnVideos
from ila_jax.data.sources.split_file import read_split
from ila_jax.data.sources.split_names import LEFT_OUT, TEST, TRAIN, VALIDATION
from ila_jax.data.sources.spreadsheet import LabelledClip
from ila_jax.data.split.assignment import assign
from ila_jax.data.split.findings import counted, left_out, shortcomings
from ila_jax.data.split.links import (
    Groups,
    contradictions,
    given_groups,
    grouped,
    likenesses,
    named_source_videos,
    same_files,
)
from ila_jax.data.split.strip_cache import read_strips
from ila_jax.data.video.bad import Reason
from ila_jax.files.counts import count_of


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """How videos are split.

    validation, test: the shares of the clips that these get; 0 is none. seed: of what is drawn.
    by_name: whether names of files tell which clips come from one source video. by_likeness:
    whether videos are looked into, to find those that look alike and those that cannot be read.
    processes: how many read at once. time_limit: seconds for each video.
    """

    validation: float = 0.2
    test: float = 0.0
    seed: int = 0
    by_name: bool = True
    by_likeness: bool = True
    processes: int = 1
    time_limit: float = 60.0

    def fractions(self) -> dict[str, float]:
        """The share of each split, train first. Errors: ValueError."""
        if min(self.validation, self.test) < 0 or not 0 < self.validation + self.test < 1:
            raise ValueError(
                f"validation is {self.validation:g} and test {self.test:g} of the clips: expected "
                "shares of 0 or more that leave some for training, such as 0.2 and 0"
            )
        shares = {VALIDATION: self.validation, TEST: self.test}
        return {TRAIN: 1 - self.validation - self.test} | {k: v for k, v in shares.items() if v}


@dataclass(frozen=True)
class Split:
    """Your own videos, each with its split, its group and the reason.

    videos: the clips have their splits. notes: what was found and decided. warnings: what makes
    accuracies less trustworthy, or is probably a mistake.
    """

    videos: OwnVideos
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()


def split_videos(videos: OwnVideos, settings: SplitSettings, *, cache: Path | None) -> Split:
    """Splits videos; those that have a split keep it, and the others follow their groups.

    What is of one group, of one source video, or looks alike, is on one side. Each side gets its
    share of each class as far as groups allow. Files that cannot be read are left out. The same
    videos and settings give the same split. cache: as in `read_strips`.
    Errors: ValueError; OSError.
    """
    fractions = settings.fractions()
    files = stat_files(videos.paths)
    strips = [] if not settings.by_likeness else read_strips(
        videos.paths, cache=cache, processes=settings.processes, limit=settings.time_limit
    )  # fmt: skip
    problems = [strip.problem for strip in strips] or [
        Reason.MISSING.sentence if size < 0 else "" for size in files.size.tolist()
    ]
    links, notes = given_groups(videos.clips), list(videos.notes)
    if settings.by_name:
        more, said = named_source_videos(videos.clips)
        links, notes = links + more, notes + said
    links += same_files(videos.paths, files, problems)
    links += likenesses(strips, links)
    clips = _placed(videos, grouped(videos.clips, links), problems, fractions, settings.seed)
    warnings = [*contradictions(links, clips), *shortcomings(clips, videos.class_names)]
    return Split(
        dataclasses.replace(videos, clips=clips),
        [*notes, *counted(links), *left_out(clips)],
        warnings,
    )


def existing_split(path: Path, videos: OwnVideos) -> Split:
    """A split that is there, perhaps edited, with what is to be said of it now.

    videos: those that it was made of; what it lacks of them, and has besides, is a warning.
    Errors: FileNotFoundError; ValueError.
    """
    split = read_split(path)
    new, gone = (_missing_from(*both) for both in ((split, videos), (videos, split)))
    warnings = []
    if new:
        warnings.append(
            f"{path} lacks {count_of(len(new), 'video', 'videos')} of {videos.where}, such as "
            f"{new[0]}: make it anew (--again), or add rows"
        )
    if gone:
        warnings.append(
            f"{videos.where} lacks {count_of(len(gone), 'video', 'videos')} of {path}, such as "
            f"{gone[0]}"
        )
    warnings += shortcomings(split.clips, split.class_names)
    return Split(split, [*split.notes, *left_out(split.clips)], warnings)


def _missing_from(some: OwnVideos, others: OwnVideos) -> list[str]:
    """The paths of others that are none of some's."""
    paths = set(map(os.path.abspath, some.paths))
    return [path for path in others.paths if os.path.abspath(path) not in paths]


def _placed(
    videos: OwnVideos,
    groups: Groups,
    problems: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
) -> list[LabelledClip]:
    """The clips with their splits, groups and reasons.

    problems: of each clip, "" of one that can be read. Errors: ValueError where none can.
    """
    side = _sides(videos, groups, problems, fractions, seed)
    clips = []
    for k, clip in enumerate(videos.clips):
        split, reason = side.get(k, LEFT_OUT), groups.reason[k]
        if problems[k]:
            reason = problems[k]
        elif clip.split:
            reason = "; ".join(filter(None, ("its split was given", reason)))
        clips.append(dataclasses.replace(clip, split=split, group=groups.name[k], reason=reason))
    return clips


def _sides(
    videos: OwnVideos,
    groups: Groups,
    problems: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
) -> dict[int, str]:
    """The split of each clip that is not left out, by its place. Errors: ValueError for none."""
    clips = videos.clips
    places = [k for k, clip in enumerate(clips) if not problems[k] and clip.split != LEFT_OUT]
    if not places:
        first = problems[0] or "the list leaves it out"
        raise ValueError(
            f"no video of {videos.where} can be used, the first is {clips[0].file}: {first}"
        )
    # Groups are numbered anew, as some may be left out as a whole.
    _, number = np.unique(groups.number[places], return_inverse=True)
    given = {int(g): clips[k].split for g, k in zip(number, places, strict=True) if clips[k].split}
    labels = np.array([[name in clips[k].labels for name in videos.class_names] for k in places])
    # A split that the list has and nobody asked for gets nothing more.
    shares = dict(fractions) | {s: 0.0 for s in given.values() if s not in fractions}
    sides = assign(labels, number, shares, seed=seed, given=given)
    return {k: clips[k].split or sides[g] for g, k in zip(number.tolist(), places, strict=True)}
