"""The TFDS data set of prepared videos: shards written by whoever, and what makes them one."""

import contextlib
import dataclasses
import fcntl
import functools
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from etils import epath

from ila_jax.data import layout
from ila_jax.data.agreement import agree, fingerprint, settings
from ila_jax.data.listings import add_checksums, check_bad, write_index, write_quarantine
from ila_jax.data.publish import is_local, publish_bytes, remove_partial
from ila_jax.data.records import features
from ila_jax.data.shards import Part, ShardWriter, Unit, Videos, read_part, units

# Does units and gives (unit, part) as they are finished, in any order.
Runner = Callable[[ShardWriter, Sequence[Unit]], Generator[tuple[Unit, Part]]]


class VideoBuilder(tfds.core.ShardBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Videos in ArrayRecord shards, so that `tfds.builder_from_directory(directory)` reads them.

    `prepare` is to be called, and not TFDS's own `download_and_prepare`, which writes to a folder
    with a random name and begins anew after it was killed, knows no bad videos, and cannot write
    ArrayRecord to object stores. What a shard holds follows from the source and the settings,
    and not from who writes it.
    """

    name = layout.NAME
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, directory: str, videos: Videos, *, clips_per_shard: int) -> None:
        """directory: local, or of an object store (`gs://`, `s3://`)."""
        if clips_per_shard < 1:
            raise ValueError(f"clips_per_shard is {clips_per_shard}: expected 1 or more")
        self._videos, self._folder = videos, epath.Path(directory)
        self._todo: dict[str, list[Unit]] = {
            split: units(split, len(opened.source), clips_per_shard)
            for split, opened in videos.opened.items()
        }
        self._settings = settings(
            dataclasses.asdict(videos.encoding), clips_per_shard, videos.class_names
        )
        super().__init__(data_dir=directory, file_format="array_record")

    def _build_data_dir(self, given_data_dir: str | None) -> tuple[str, str]:
        """TFDS would put name and version below the folder that the user names."""
        return str(given_data_dir), str(given_data_dir)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Videos encoded anew to be read at random: mp4 files and their labels.",
            features=features(self._videos.class_names),
            disable_shuffling=True,  # they are in the order of their source
        )

    def _shard_iterators_per_split(self, dl_manager: Any) -> Mapping[str, Sequence[Callable]]:
        return {
            split: [functools.partial(self._videos.examples, unit, []) for unit in all_units]
            for split, all_units in self._todo.items()
        }

    def begin(self) -> list[Unit]:
        """Makes the folder or finds it begun with the same settings; the units still to do.

        Errors: ValueError where the folder holds something else; OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        splits = {split: fingerprint(opened) for split, opened in self._videos.opened.items()}
        agree(self._folder, self._settings, splits)
        (self._folder / layout.PARTS).mkdir(exist_ok=True)
        return [unit for unit in self._units() if read_part(self._folder, unit) is None]

    def prepare(self, run: Runner, *, max_bad_fraction: float) -> tfds.core.DatasetInfo:
        """Does what is still to do, and finishes the data set, which is returned.

        Errors: as `begin`; RuntimeError while another process prepares this folder, or when more
        of a split's videos than `max_bad_fraction` are bad, which are then listed.
        """
        with _alone(self._folder):
            todo = self.begin()
            parts = {u: p for u in self._units() if (p := read_part(self._folder, u)) is not None}
            with contextlib.closing(
                run(ShardWriter(str(self._folder), self._videos), todo)
            ) as done:
                for unit, part in done:
                    parts[unit] = part
                    self._check_bad(unit.split, parts, max_bad_fraction)
            for split in self._todo:
                self._check_bad(split, parts, max_bad_fraction)
            return self._finish(parts)

    def _units(self) -> list[Unit]:
        return [unit for all_units in self._todo.values() for unit in all_units]

    def _check_bad(self, split: str, parts: dict[Unit, Part], fraction: float) -> None:
        """Lists the bad videos when they are too many; else that is for the end."""
        ours = {unit: part for unit, part in parts.items() if unit.split == split}
        try:
            check_bad(split, ours, len(self._videos.opened[split].source), fraction)
        except RuntimeError:
            write_quarantine(self._folder, self._videos, parts)
            raise

    def _finish(self, parts: dict[Unit, Part]) -> tfds.core.DatasetInfo:
        """Writes all that is not a shard. What says that a split is there comes last."""
        infos = dict(self.info.splits)
        for split, all_units in self._todo.items():
            ours = [parts[unit] for unit in all_units]
            write_index(self._folder, self._videos, split, ours)
            infos[split] = tfds.core.SplitInfo(
                name=split,
                shard_lengths=[len(part.kept) for part in ours],
                num_bytes=sum(part.size for part in ours),
                filename_template=tfds.core.ShardedFileTemplate(
                    data_dir=self._folder,
                    dataset_name=self.name,
                    split=split,
                    filetype_suffix="array_record",
                ),
            )
        add_checksums(self._folder, parts)
        write_quarantine(self._folder, self._videos, parts)
        info = self._info()  # anew: what was read from the folder would not be written the same
        info.set_file_format("array_record")
        info.set_splits(tfds.core.SplitDict([infos[split] for split in sorted(infos)]))
        self._write_info(info)
        return info

    def _write_info(self, info: tfds.core.DatasetInfo) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            info.write_to_directory(scratch)
            files = sorted(Path(scratch).iterdir(), key=lambda path: path.name == layout.INFO)
            for path in files:
                publish_bytes(self._folder / path.name, path.read_bytes())


@contextlib.contextmanager
def _alone(folder: epath.Path) -> Iterator[None]:
    """Holds a folder on a disk against other processes, until this one ends, however it does."""
    if not is_local(folder):
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_partial(folder)
        remove_partial(folder / layout.PARTS)
        yield
    except BlockingIOError:
        raise RuntimeError(
            f"another process prepares videos in {folder}: wait for it, or stop it"
        ) from None
    finally:
        os.close(descriptor)
