"""Whether a data set is what a run needs, found out without training."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ila_jax.data.check.duplicates import (
    FileFacts,
    groups,
    is_path,
    recording,
    same_content,
    stat_files,
)
from ila_jax.data.check.probe import ProbedVideo, probe
from ila_jax.data.sources.fingerprint import fingerprint
from ila_jax.data.sources.mirror import described
from ila_jax.data.sources.opening import Splits
from ila_jax.data.sources.source import ListSource, OpenedSplit
from ila_jax.data.video.bad_fraction import too_many_bad

_COMPARED = 20_000  # files of which bytes are compared, at most


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """sample: videos decoded of each split. seconds: for each. processes: decoding at once.

    bad_fraction: of unreadable videos that a run puts up with. replaces: unreadable videos of a
    class by readable ones of the class. square_pixels: the run makes pixels square.
    """

    sample: int = 200
    seconds: float = 60.0
    processes: int = 2
    bad_fraction: float = 0.01
    replaces: bool = True
    square_pixels: bool = False


@dataclass
class Findings:
    """What was found.

    errors: a run could not start, or would stop. warnings: it should not go unseen. splits: facts
    by split, as JSON holds them. repeats: groups of videos that are the same, in full; warnings
    show the first ones. flips: lines of text.
    """

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    splits: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: list[dict[str, Any]] = field(default_factory=list)
    flips: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it; could_start: whether there are no errors."""
        return {"could_start": not self.errors} | self.__dict__


@dataclass(frozen=True)
class _Split:
    """A split with what was asked of the file system; files: None where videos are no files."""

    name: str
    opened: OpenedSplit
    names: list[str]
    ids: Sequence[str]
    files: FileFacts | None

    @property
    def absent(self) -> np.ndarray:
        """Whether a video is known to be missing or empty: bool [n]."""
        count = len(self.names)
        return np.zeros(count, bool) if self.files is None else self.files.size <= 0


def check(splits: Splits, mirror: np.ndarray, limits: CheckSettings) -> Findings:
    """Looks at every file, and decodes a sample of each split. mirror: `mirrors` of the classes."""
    found = Findings(flips=described(mirror, splits.class_names))
    both = [_look("train", splits.train), _look("validation", splits.validation)]
    bad = {}
    found.warnings += dict.fromkeys(note for split in both for note in split.opened.notes)
    for split in both:
        probed = _sample(split, limits)
        found.splits[split.name] = _facts(split, probed, len(splits.class_names))
        _missing(found, split)
        _unreadable(found, split, probed)
        if not limits.square_pixels:
            _not_square(found, split, probed)
        _classes(found, split, splits.class_names, limits)
        bad[split.name] = int(split.absent.sum()) + sum(p.problem is not None for p in probed)
    _bad_fraction(found, sum(bad.values()), sum(len(s.names) for s in both), limits)
    _repeats(found, both)
    return found


def _look(name: str, opened: OpenedSplit) -> _Split:
    source = opened.source
    names = [source.name(index) for index in range(len(source))]
    files = stat_files(names) if isinstance(source, ListSource) else None
    return _Split(name, opened, names, opened.all_ids(), files)


def _sample(split: _Split, limits: CheckSettings) -> list[ProbedVideo]:
    """Some videos that are there, the same ones each time."""
    there = np.flatnonzero(~split.absent)
    count = min(limits.sample, len(there))
    chosen = np.random.default_rng(0).choice(there, count, replace=False)
    return probe(
        split.opened.source, chosen.tolist(), limit=limits.seconds, processes=limits.processes
    )


def _facts(split: _Split, probed: Sequence[ProbedVideo], classes: int) -> dict[str, Any]:
    fine = [one for one in probed if one.problem is None]
    sizes = [one.size for one in fine] if split.files is None else split.files.size
    counts = np.bincount(split.opened.source.labels, minlength=classes)
    return {
        "videos": len(split.names),
        "classes": classes,
        "clips_per_class": _spread(counts),
        "bytes": _spread([size for size in sizes if size > 0]),
        "bytes_in_all": None if split.files is None else int(np.maximum(sizes, 0).sum()),
        "decoded": len(probed),
        "missing_files": _named(split, -1),
        "empty_files": _named(split, 0),
        "unreadable": {split.names[p.index]: p.problem for p in probed if p.problem is not None},
        "not_square": {split.names[p.index]: p.pixels for p in fine if p.pixels},
        "frames": _spread([one.frames for one in fine]),
        "seconds": _spread([round(one.seconds, 2) for one in fine]),
        "width": _spread([one.width for one in fine]),
        "height": _spread([one.height for one in fine]),
        "fingerprint": fingerprint(split.ids, split.opened.source.labels),
    }


def _named(split: _Split, size: int) -> list[str] | None:
    """The names of the files of a size, -1 is missing; None where videos are no files."""
    if split.files is None:
        return None
    return [split.names[i] for i in np.flatnonzero(split.files.size == size)]


def _spread(values: Any) -> dict[str, float] | None:
    """Smallest, middle and largest; None of nothing."""
    if not len(values):
        return None
    values = np.sort(values)
    # Of an even number the lower middle, so that it is one of the values.
    found = {"min": values[0], "median": values[(len(values) - 1) // 2], "max": values[-1]}
    return {name: value.item() for name, value in found.items()}


def _missing(found: Findings, split: _Split) -> None:
    for what, size in (("missing", -1), ("empty", 0)):
        files = _named(split, size)
        if files:
            found.warnings.append(
                f"{split.name}: {len(files)} of {len(split.names)} files are {what}, "
                f"such as {', '.join(map(_told, files[:3]))}"
            )


def _told(path: str) -> str:
    return path if not os.path.exists(path) or os.path.isfile(path) else f"{path} (not a file)"


def _unreadable(found: Findings, split: _Split, probed: Sequence[ProbedVideo]) -> None:
    for one in probed:
        if one.fatal:
            found.errors.append(f"{split.name}: take {split.names[one.index]} off: {one.problem}")
    failed = [one for one in probed if one.problem is not None and not one.fatal]
    if failed:
        shown = [f"{split.names[one.index]}: {one.problem}" for one in failed[:3]]
        found.warnings.append(
            f"{split.name}: {len(failed)} of {len(probed)} decoded files cannot be read, such as\n"
            + "\n".join(f"    {line}" for line in shown)
        )
    if len(split.names) and (split.absent.all() or (probed and all(p.problem for p in probed))):
        found.errors.append(f"{split.name}: no video of those looked at can be read")


def _not_square(found: Findings, split: _Split, probed: Sequence[ProbedVideo]) -> None:
    stretched = [f"{split.names[one.index]} ({one.pixels})" for one in probed if one.pixels]
    if stretched:
        found.warnings.append(
            f"{split.name}: {len(stretched)} of {len(probed)} decoded files have pixels that are "
            f"not square, such as {', '.join(stretched[:3])}: they are shown to the model as they "
            "are stored, and with data.square_pixels=True as a player shows them"
        )


def _classes(found: Findings, split: _Split, names: Sequence[str], limits: CheckSettings) -> None:
    labels = split.opened.source.labels
    listed = np.bincount(labels, minlength=len(names))
    there = np.bincount(labels[~split.absent], minlength=len(names))
    for where, what in ((listed == 0, "no clips"), ((listed > 0) & (there == 0), "no files")):
        if not where.any():
            continue
        text = (
            f"{split.name}: {int(where.sum())} of {len(names)} classes have {what}, "
            f"such as {', '.join(repr(names[k]) for k in np.flatnonzero(where)[:3])}"
        )
        stops = what == "no files" and split.name == "train" and limits.replaces
        (found.errors if stops else found.warnings).append(text)


def _bad_fraction(found: Findings, bad: int, videos: int, limits: CheckSettings) -> None:
    if bad and not limits.replaces:
        found.errors.append(f"{bad} videos cannot be read, and data.on_bad_video is fail")
    elif too_many_bad(bad, videos, limits.bad_fraction):
        found.errors.append(
            f"{bad} of {videos} videos cannot be read for certain, more than "
            f"{limits.bad_fraction:g} of them (data.max_bad_fraction): a run would stop"
        )


def _repeats(found: Findings, both: Sequence[_Split]) -> None:
    """Videos that are there more than once, in a split or in both."""
    starts = np.cumsum([0, *(len(split.names) for split in both)])
    names = [name for split in both for name in split.names]
    labels = np.concatenate([split.opened.source.labels for split in both])
    # An id of a file with a folder in it is its path, also where no suffix says so.
    ids = [
        None if is_path(video) or (split.files and "/" in video) else video
        for split in both
        for video in split.ids
    ]
    origins = [recording(video) for split in both for video in split.ids]
    paths = [name if split.files else None for split in both for name in split.names]
    kinds = {"path": groups(paths), "id": groups(ids)}
    if all(split.files is not None for split in both):
        size = np.concatenate([split.files.size for split in both if split.files])
        inode = [i for split in both if split.files for i in split.files.inode]
        kinds["content"], compared, alike = same_content(
            names, FileFacts(size, inode), most=_COMPARED
        )
        if compared < alike:
            found.warnings.append(
                f"content: of {alike} files that share their size with another, {compared} drawn "
                "at random were compared"
            )
    kinds["recording"] = groups(origins)
    told: set[tuple[int, ...]] = set()  # each group once, under its plainest kind
    for kind, repeated in kinds.items():
        fresh = [g for g in repeated if tuple(g) not in told]
        told |= {tuple(g) for g in fresh}
        _tell(found, kind, fresh, names, labels, int(starts[1]))


def _tell(
    found: Findings,
    kind: str,
    repeated: Sequence[list[int]],
    names: Sequence[str],
    labels: np.ndarray,
    first: int,
) -> None:
    """first: of the validation videos, which follow those for training."""
    leaks = [g for g in repeated if g[0] < first <= g[-1]]
    within = [g for g in repeated if g not in leaks] if kind != "recording" else []
    for what, some in (
        (f"in both splits (a leak): the same {kind}", leaks),
        (f"more than once in a split: the same {kind}", within),
    ):
        found.repeats += [
            {"same": kind, "leak": some is leaks, "videos": [names[i] for i in g]} for g in some
        ]
        if some:
            shown = "; ".join(" = ".join(names[i] for i in g[:2]) for g in some[:3])
            differ = sum(len(set(labels[g].tolist())) > 1 for g in some)
            other = f", {differ} of them with more than one label" if differ else ""
            found.warnings.append(f"{len(some)} videos are {what}{other}, such as {shown}")
