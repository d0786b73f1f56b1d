"""The videos of a fine-tuning: split once into a file that may be edited, and checked."""

from collections import Counter

from ila_jax.data.check.findings import CheckSettings, Findings
from ila_jax.data.check.preflight import check
from ila_jax.data.sources.mirror import mirrors
from ila_jax.data.sources.opening import Splits, open_splits
from ila_jax.data.sources.own_videos import OwnVideos
from ila_jax.data.sources.split_file import write_split
from ila_jax.data.sources.split_names import TRAIN, VALIDATION
from ila_jax.data.split.splitting import Split, SplitSettings, existing_split, split_videos
from ila_jax.finetune.options import Folder, Options

# Of videos that cannot be read, as the configuration that is made puts up with them.
BAD_FRACTION = 0.1


def split(videos: OwnVideos, options: Options, folder: Folder) -> Split:
    """The split in the folder, edited or not, or a new one. Errors: ValueError; OSError."""
    if folder.split.exists():
        return _usable(existing_split(folder.split, videos), folder)
    settings = SplitSettings(
        validation=options.validation,
        test=options.test,
        seed=options.seed,
        processes=options.processes,
    )
    made = split_videos(videos, settings, cache=folder.path / "split.csv.strips")
    _usable(made, folder)
    # What it was made with comes first: a split that nobody remembers would pass for one that the
    # user has put there.
    folder.remember_split(options)
    write_split(folder.split, made.videos)
    return made


def _usable(made: Split, folder: Folder) -> Split:
    """The split. Errors: ValueError where there is nothing to train on, or to measure by."""
    counts = Counter(clip.split for clip in made.videos.clips)
    for side in (TRAIN, VALIDATION):
        if not counts[side]:
            raise ValueError(
                f"no clip of {made.videos.where} is left for {side}: expected some on both sides; "
                f"bring more clips of each class, choose --validation, or give clips to {side} in "
                f"the column `split` of a list or of {folder.split}"
            )
    return made


def open_split_file(folder: Folder) -> Splits:
    """Both sides of the split, as training reads them. Errors: ValueError; OSError."""
    sides = (f"split:{folder.split}@{side}" for side in (TRAIN, VALIDATION))
    return open_splits(*sides, root="", class_names=None)


def checked(splits: Splits, options: Options) -> Findings:
    """What the preflight check says beside the split, which names the classes that a side lacks.

    Errors: ValueError for what would stop a training.
    """
    settings = CheckSettings(processes=options.processes, bad_fraction=BAD_FRACTION, described=True)
    findings = check(splits, mirrors(splits.class_names, None), settings)
    if findings.errors:
        raise ValueError("training could not start:\n  " + "\n  ".join(findings.errors))
    return findings
