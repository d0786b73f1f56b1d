"""The TFDS data set of prepared videos: shards written by whoever, and what makes them one."""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import tensorflow_datasets as tfds
from etils import epath

from ila_jax.data.prepare.agreement import agree, settings, split_facts
from ila_jax.data.prepare.indices import add_checksums, check_bad, write_index, write_quarantine
from ila_jax.data.prepare.records import features
from ila_jax.data.prepare.shards import (
    FinishedShard,
    ShardWriter,
    Unit,
    VideosToPrepare,
    read_finished,
    units,
)
from ila_jax.data.sources import prepared_layout
from ila_jax.files.lock import try_lock
from ila_jax.files.plain_name import plain_name
from ila_jax.files.publish import is_local, publish_bytes, remove_partial

# Does units of work and gives (unit, finished shard) as they are done, in any order.
Runner = Callable[[ShardWriter, Sequence[Unit]], Generator[tuple[Unit, FinishedShard]]]


class VideoBuilder:
    """Builds videos into ArrayRecord shards that `tfds.builder_from_directory(directory)` reads.

    It takes TFDS's features, names and metadata, and not its `download_and_prepare`, which writes
    to a folder with a random name and begins anew after it was killed, knows no bad videos, and
    cannot write ArrayRecord to object stores (tensorflow/datasets#10981). What a shard holds
    follows from the source and the settings, and not from who writes it.
    """

    def __init__(self, directory: str, videos: VideosToPrepare, *, clips_per_shard: int) -> None:
        """Looks at nothing yet: `begin` does.

        directory: local, or of an object store (`gs://`, `s3://`). clips_per_shard: videos of each
        shard but the last. Errors: ValueError.
        """
        if clips_per_shard < 1:
            raise ValueError(f"clips_per_shard is {clips_per_shard}: expected 1 or more")
        self._videos, self._folder = videos, epath.Path(directory)
        self._units_of: dict[str, list[Unit]] = {
            split: units(split, len(opened.source), clips_per_shard)
            for split, opened in videos.opened.items()
        }
        self._settings = settings(
            dataclasses.asdict(videos.encoding), clips_per_shard, videos.class_names
        )

    def begin(self) -> list[Unit]:
        """Makes the folder or finds it begun with the same settings; the units still to do.

        Errors: ValueError where the folder holds something else; OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Before anything is written: a folder of another source or setting stays as it is.
        splits = {split: split_facts(opened) for split, opened in self._videos.opened.items()}
        agree(self._folder, self._settings, splits)
        (self._folder / prepared_layout.PARTS).mkdir(exist_ok=True)
        if is_local(self._folder):
            plain_name(self._folder)  # before the processes start that write with its help
        return [unit for unit in self._units() if read_finished(self._folder, unit) is None]

    def prepare(self, run: Runner, *, max_bad_fraction: float) -> tfds.core.DatasetInfo:
        """Does what is still to do, and finishes the data set; returns what TFDS knows of it.

        run: does the units. Errors: as `begin`; RuntimeError while another process prepares this
        folder, or when more of a split's videos than `max_bad_fraction` are bad, which are then
        listed.
        """
        with _alone(self._folder):
            # Again, and now alone: what was to do when the user was told may have been done since.
            todo = self.begin()
            shards = self._finished()
            with contextlib.closing(
                run(ShardWriter(str(self._folder), self._videos), todo)
            ) as done:
                for unit, shard in done:
                    shards[unit] = shard
                    # At once, so that a wrong folder is not found out after hours of work.
                    self._check_bad(unit.split, shards, max_bad_fraction)
            for split in self._units_of:  # also where nothing was left to do
                self._check_bad(split, shards, max_bad_fraction)
            return self._finish(shards)

    def _finished(self) -> dict[Unit, FinishedShard]:
        """The shards that are finished already."""
        read = {unit: read_finished(self._folder, unit) for unit in self._units()}
        return {unit: shard for unit, shard in read.items() if shard is not None}

    def _units(self) -> list[Unit]:
        """The units of all splits."""
        return [unit for all_units in self._units_of.values() for unit in all_units]

    def _check_bad(self, split: str, shards: dict[Unit, FinishedShard], fraction: float) -> None:
        """Lists the bad videos when they are too many; else that is for the end."""
        ours = {unit: shard for unit, shard in shards.items() if unit.split == split}
        try:
            check_bad(split, ours, len(self._videos.opened[split].source), fraction)
        except RuntimeError:
            write_quarantine(self._folder, self._videos, shards)
            raise

    def _finish(self, shards: dict[Unit, FinishedShard]) -> tfds.core.DatasetInfo:
        """Writes all that is not a shard. What says that a split is there comes last.

        A stop in between leaves a data set that does not name the split, and the next run, which
        finds no shard to do, writes all of this anew.
        """
        for split, all_units in self._units_of.items():
            write_index(self._folder, self._videos, split, [shards[unit] for unit in all_units])
        # After the indices, whose sums are listed with those of the shards.
        add_checksums(self._folder, shards)
        write_quarantine(self._folder, self._videos, shards)
        info = self._info(shards)
        # TFDS writes several files, and not whole or not at all: each is published from here.
        with tempfile.TemporaryDirectory() as scratch:
            info.write_to_directory(scratch)
            # INFO is the last, since it names the splits that are finished.
            files = sorted(
                Path(scratch).iterdir(), key=lambda path: path.name == prepared_layout.INFO
            )
            for path in files:
                publish_bytes(self._folder / path.name, path.read_bytes())
        return info

    def _info(self, shards: dict[Unit, FinishedShard]) -> tfds.core.DatasetInfo:
        """What TFDS knows of these splits, and of others that the folder holds already."""
        splits: dict[str, tfds.core.SplitInfo] = {}
        # Or preparing the validation split would take the training split out of the data set.
        if (self._folder / prepared_layout.INFO).exists():
            splits.update(tfds.builder_from_directory(self._folder).info.splits)
        splits.update({split: self._split_info(split, shards) for split in self._units_of})
        info = tfds.core.DatasetInfo(
            builder=tfds.core.DatasetIdentity(
                name=prepared_layout.NAME,
                # TFDS asks for one; what the files depend on is in the folder's settings.
                version="1.0.0",
                data_dir=str(self._folder),
                module_name=prepared_layout.MODULE,
            ),
            description="Videos encoded anew to be read at random: mp4 files and their labels.",
            features=features(self._videos.class_names),
            disable_shuffling=True,  # they are in the order of their source
        )
        info.set_file_format("array_record")
        info.set_splits(tfds.core.SplitDict([splits[split] for split in sorted(splits)]))
        return info

    def _split_info(self, split: str, shards: dict[Unit, FinishedShard]) -> tfds.core.SplitInfo:
        """What TFDS knows of one split."""
        ours = [shards[unit] for unit in self._units_of[split]]
        return tfds.core.SplitInfo(
            name=split,
            shard_lengths=[len(shard.kept) for shard in ours],
            num_bytes=sum(shard.size for shard in ours),
            filename_template=tfds.core.ShardedFileTemplate(
                data_dir=self._folder,
                dataset_name=prepared_layout.NAME,
                split=split,
                filetype_suffix="array_record",
            ),
        )


@contextlib.contextmanager
def _alone(folder: epath.Path) -> Iterator[None]:
    """Holds a folder on a disk against other processes, until this one ends, however it does.

    Errors: RuntimeError when another process holds it.
    """
    if not is_local(folder):  # object stores have no locks: there it is the user who sees to it
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    # The folder itself is locked: a file for it would be one more in the data set.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not try_lock(descriptor):
            raise RuntimeError(
                f"another process prepares videos in {folder}: wait for it, or stop it"
            )
        # Only now: before the lock, they could be another process's, at work.
        remove_partial(folder)
        remove_partial(folder / prepared_layout.PARTS)
        yield
    finally:
        os.close(descriptor)
