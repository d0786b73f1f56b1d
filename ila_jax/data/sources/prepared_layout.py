"""Where things lie in a folder of prepared videos, which is a TFDS data set and a little more."""

from etils import epath

# What TFDS keeps of who wrote a set. It is the name of the module of version 0.1, although that
# has moved since: sets of any version are alike, and a new name would make their files differ.
MODULE = "ila_jax.data.builder"
NAME = "videos"  # of the data set, and what its files begin with
SETTINGS = "prepare.json"
CHECKSUMS = "checksums.sha256"  # as `sha256sum --check` reads it
QUARANTINE = "quarantine.jsonl"
INFO = "dataset_info.json"  # TFDS's: names the splits that are finished
PARTS = "parts"  # a record of each finished shard


def shard_path(directory: epath.Path, split: str, shard: int, shards: int) -> epath.Path:
    """The name that TFDS gives to shard k of n."""
    return directory / f"{NAME}-{split}.array_record-{shard:05d}-of-{shards:05d}"


def part_path(directory: epath.Path, split: str, shard: int, shards: int) -> epath.Path:
    """The record of shard k of n, which is there once the shard is finished."""
    return directory / PARTS / f"{split}-{shard:05d}-of-{shards:05d}.json"


def index_path(directory: epath.Path, split: str) -> epath.Path:
    """Labels, frames and ids of a split's examples in one file, so that no video is read for them.

    An .npz of label: int32 [n], frames: int32 [n], ids: uint8, UTF-8 with a zero after each.
    """
    return directory / f"{NAME}-{split}.index.npz"
