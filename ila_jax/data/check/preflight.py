"""Whether a data set is what a run needs, found out without training."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ila_jax.data.check.duplicates import stat_files
from ila_jax.data.check.findings import CheckSettings, Findings, ListedSplit
from ila_jax.data.check.probe import ProbedVideo, probe
from ila_jax.data.check.repeats import add_repeats
from ila_jax.data.sources.fingerprint import fingerprint
from ila_jax.data.sources.mirror import described
from ila_jax.data.sources.opening import Splits
from ila_jax.data.sources.source import ListSource, OpenedSplit, class_counts, ground_truth
from ila_jax.data.video.bad_fraction import too_many_bad
from ila_jax.files.counts import count_of


def check(splits: Splits, mirror: np.ndarray, settings: CheckSettings) -> Findings:
    """Asks for every file, and decodes a sample of each split. mirror: `mirrors` of the classes."""
    findings = Findings(flips=described(mirror, splits.class_names))
    both = [_listed("train", splits.train), _listed("validation", splits.validation)]
    bad = 0
    # Both splits may have the same to say, such as of one root: it is said once.
    findings.warnings += dict.fromkeys(note for split in both for note in split.opened.notes)
    for split in both:
        sample = _sample(split, settings)
        findings.splits[split.name] = _facts(split, sample, len(splits.class_names))
        _missing(findings, split)
        _unreadable(findings, split, sample)
        if not settings.square_pixels:
            _not_square(findings, split, sample)
        _classes(findings, split, splits.class_names, settings)
        # What is bad for certain: absent files are not in the sample, and so count once.
        bad += int(split.absent.sum()) + sum(video.problem is not None for video in sample)
    _bad_fraction(findings, bad, sum(len(split.names) for split in both), settings)
    add_repeats(findings, both)
    return findings


def _listed(name: str, opened: OpenedSplit) -> ListedSplit:
    source = opened.source
    names = [source.name(index) for index in range(len(source))]
    # Of other sources names are keys, of which the file system knows nothing.
    files = stat_files(names) if isinstance(source, ListSource) else None
    return ListedSplit(name, opened, names, opened.all_ids(), files)


def _sample(split: ListedSplit, settings: CheckSettings) -> list[ProbedVideo]:
    """Decodes some videos that are there, the same ones each time."""
    present = np.flatnonzero(~split.absent)
    count = min(settings.sample, len(present))
    # A seed of its own, so that two people who check the same data see the same videos.
    chosen = np.random.default_rng(0).choice(present, count, replace=False)
    return probe(
        split.opened.source, chosen.tolist(), limit=settings.seconds, processes=settings.processes
    )


def _facts(split: ListedSplit, sample: Sequence[ProbedVideo], classes: int) -> dict[str, Any]:
    """What the table and the JSON say of a split; None where it is not known."""
    fine = [video for video in sample if video.problem is None]
    sizes = [video.size for video in fine] if split.files is None else split.files.size
    truth = ground_truth(split.opened.source)
    return {
        "videos": len(split.names),
        "classes": classes,
        "clips_per_class": _spread(class_counts(truth, classes)),
        "bytes": _spread([size for size in sizes if size > 0]),
        "bytes_in_all": None if split.files is None else int(np.maximum(sizes, 0).sum()),
        "decoded": len(sample),
        "missing_files": _named(split, -1),
        "empty_files": _named(split, 0),
        "unreadable": {split.names[v.index]: v.problem for v in sample if v.problem is not None},
        "not_square": {split.names[v.index]: v.pixels for v in fine if v.pixels},
        "frames": _spread([video.frames for video in fine]),
        "seconds": _spread([round(video.seconds, 2) for video in fine]),
        "width": _spread([video.width for video in fine]),
        "height": _spread([video.height for video in fine]),
        "fingerprint": fingerprint(split.ids, truth),
    }


def _named(split: ListedSplit, size: int) -> list[str] | None:
    """The names of the files of a size, -1 is missing; None where videos are no files."""
    if split.files is None:
        return None
    return [split.names[index] for index in np.flatnonzero(split.files.size == size)]


def _spread(values: Any) -> dict[str, float] | None:
    """Smallest, middle and largest; None of nothing."""
    if not len(values):
        return None
    values = np.sort(values)
    # Of an even number the lower middle, so that it is one of the values.
    spread = {"min": values[0], "median": values[(len(values) - 1) // 2], "max": values[-1]}
    return {name: value.item() for name, value in spread.items()}


def _missing(findings: Findings, split: ListedSplit) -> None:
    for what, size in (("missing", -1), ("empty", 0)):
        files = _named(split, size)
        if files:
            findings.warnings.append(
                f"{split.name}: {len(files)} of {len(split.names)} files are {what}, "
                f"such as {', '.join(map(_described, files[:3]))}"
            )


def _described(path: str) -> str:
    """A path that counts as missing, with the reason where something is there after all."""
    return path if not os.path.exists(path) or os.path.isfile(path) else f"{path} (not a file)"


def _unreadable(findings: Findings, split: ListedSplit, sample: Sequence[ProbedVideo]) -> None:
    # A run replaces what cannot be read; what hangs or crashes a decoder, it does not survive.
    for video in sample:
        if video.fatal:
            name = split.names[video.index]
            findings.errors.append(f"{split.name}: take {name} off: {video.problem}")
    failed = [video for video in sample if video.problem is not None and not video.fatal]
    if failed:
        lines = [f"    {split.names[video.index]}: {video.problem}" for video in failed[:3]]
        findings.warnings.append(
            f"{split.name}: {len(failed)} of {len(sample)} decoded files cannot be read, such as\n"
            + "\n".join(lines)
        )
    all_fail = bool(sample) and all(video.problem for video in sample)
    if len(split.names) and (split.absent.all() or all_fail):
        findings.errors.append(f"{split.name}: no video of those looked at can be read")


def _not_square(findings: Findings, split: ListedSplit, sample: Sequence[ProbedVideo]) -> None:
    stretched = [f"{split.names[video.index]} ({video.pixels})" for video in sample if video.pixels]
    if stretched:
        findings.warnings.append(
            f"{split.name}: {len(stretched)} of {len(sample)} decoded files have pixels that are "
            f"not square, such as {', '.join(stretched[:3])}: they are shown to the model as they "
            "are stored, and with data.square_pixels=True as a player shows them"
        )


def _classes(
    findings: Findings, split: ListedSplit, names: Sequence[str], settings: CheckSettings
) -> None:
    labels = split.opened.source.labels
    # Of several classes the first is the one that a video is replaced by another of.
    listed = np.bincount(labels, minlength=len(names))
    present = np.bincount(labels[~split.absent], minlength=len(names))
    nowhere = class_counts(ground_truth(split.opened.source), len(names)) == 0
    for where, what in ((nowhere, "no clips"), ((listed > 0) & (present == 0), "no files")):
        if not where.any() or (settings.described and where is nowhere):
            continue
        text = (
            f"{split.name}: {int(where.sum())} of {len(names)} classes have {what}, "
            f"such as {', '.join(repr(names[k]) for k in np.flatnonzero(where)[:3])}"
        )
        # Training replaces a video by another of its class, and stops where there is none.
        stops = what == "no files" and split.name == "train" and settings.replaces
        (findings.errors if stops else findings.warnings).append(text)


def _above(share: float) -> float:
    """The next whole percent above a share, as one that a run would put up with."""
    return (math.floor(100 * share) + 1) / 100


def _bad_fraction(findings: Findings, bad: int, videos: int, settings: CheckSettings) -> None:
    if bad and not settings.replaces:
        unreadable = count_of(bad, "video cannot be read", "videos cannot be read")
        findings.errors.append(f"{unreadable}, and data.on_bad_video is fail")
    elif too_many_bad(bad, videos, settings.bad_fraction):
        findings.errors.append(
            f"{bad} of {videos} videos cannot be read for certain, more than "
            f"{settings.bad_fraction:g} of them (data.max_bad_fraction): a run would stop. Repair "
            "them, remove them from the lists, or start it with "
            f"--config.data.max_bad_fraction={_above(bad / videos):g}"
        )
