"""A set that version 0.1 prepared, with modules of other names, is read, verified and added to."""

import json
import shutil
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from ila_jax.data.prepare import __main__ as prepare
from ila_jax.data.sources import prepared_layout
from ila_jax.data.sources.opening import open_source
from ila_jax.data.video.decode import index_video
from tests.data.small_set import BAD, NAMES, VIDEOS, arguments, write_set

# The set of `small_set`, of which videos 3 and 9 cannot be read; it lay in /clips.
BEFORE = Path(__file__).parents[1] / "prepared_0_1"
GOOD = [i for i in range(VIDEOS) if i not in BAD]


@pytest.fixture
def before(tmp_path) -> Path:
    return Path(shutil.copytree(BEFORE, tmp_path / "before"))


def test_it_is_read(before):
    opened = open_source(f"prepared:{before}@train", root="", class_names=None)
    assert opened.class_names == NAMES
    assert opened.source.labels.tolist() == [i % 3 for i in GOOD]
    assert opened.ids == [f"clip {i}.mp4" for i in GOOD]
    counts = [index_video(opened.source.read(k)).count for k in range(len(GOOD))]
    assert counts == [8 + i for i in GOOD]


def test_tfds_reads_it(before):
    source = tfds.builder_from_directory(before).as_data_source(split="train")
    assert [example["label"] for example in source] == [i % 3 for i in GOOD]


def test_it_is_verified(before):
    assert prepare.main(["--verify", str(before)]) is None


def test_a_split_is_added_and_keeps_its_shards(before, tmp_path):
    shards = {p.name: p.read_bytes() for p in before.glob("videos-train.*")}
    (tmp_path / "videos").mkdir()
    videos = write_set(tmp_path / "videos")
    prepare.main(arguments(videos, before, "--processes", "1", split="validation"))
    assert {p.name: p.read_bytes() for p in before.glob("videos-train.*")} == shards
    about = json.loads((before / prepared_layout.INFO).read_text())
    assert about["moduleName"] == "ila_jax.data.builder"
    assert [split["name"] for split in about["splits"]] == ["train", "validation"]
    assert len(open_source(f"prepared:{before}@validation", root="", class_names=None).source) == 3
