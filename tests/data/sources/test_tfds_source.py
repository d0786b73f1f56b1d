"""TFDS data sets, really built and read without TensorFlow."""

import json
import pickle
import shutil
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from ila_jax.data.check import __main__ as check
from ila_jax.data.sources import tfds_labels
from ila_jax.data.sources.opening import open_source
from ila_jax.data.video.decode import index_video
from tests.data.videos import write_video

F = tfds.features
SPLITS = {"train": 5, "validation": 2}


def build(folder, features, element, *, called="clips", version="1.0.0", config=None):
    """Builds a data set of seven elements; element(i) gives the i-th."""

    class Clips(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = called
        VERSION = tfds.core.Version(version)
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=config)] if config else []
        __module__ = "__main__"  # else TFDS looks for files of this package

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=F.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in SPLITS}

        def _generate_examples(self, split):
            start = 0 if split == "train" else SPLITS["train"]
            for i in range(start, start + SPLITS[split]):
                yield i, element(i)

    Clips(data_dir=str(folder), file_format="array_record").download_and_prepare()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "none"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Seven real videos of two classes, 3 to 9 frames long."""
    folder = tmp_path_factory.mktemp("tfds")
    videos = [
        write_video(folder / f"{i}.mp4", count=3 + i, size=(32, 32)).read_bytes() for i in range(7)
    ]
    features = {
        "video": F.Scalar(np.object_),
        "label": F.ClassLabel(names=["b b", "a"]),
        "name": F.Text(),
        "seconds": F.Scalar(np.float32),
    }
    build(
        folder / "data",
        features,
        lambda i: {"video": videos[i], "label": i % 2, "name": f"clip {i}", "seconds": i},
        config="small",
    )
    return str(folder / "data")


def test_a_data_set_is_found_by_its_features(clips, home):
    opened = open_source("tfds:clips/small:1.0.0@train", root=clips, class_names=None)
    assert opened.class_names == ("b b", "a")
    assert sorted(opened.ids) == [f"clip {i}" for i in range(5)]
    source = pickle.loads(pickle.dumps(opened.source))
    for index, name in enumerate(opened.ids):
        number = int(name.split()[1])
        assert source.name(index) == name
        assert source.labels[index] == number % 2
        assert index_video(source.read(index)).count == 3 + number
    assert source.labels.dtype == np.int32
    assert "tensorflow" not in sys.modules
    assert len(list(home.rglob("*.json"))) == 1


def test_labels_are_read_once(clips, monkeypatch):
    first = open_source("tfds:clips@train", root=clips, class_names=None)
    monkeypatch.setattr(tfds_labels, "tqdm", None)  # reading them again would call it
    again = open_source("tfds:clips@train", root=clips, class_names=None)
    np.testing.assert_array_equal(again.source.labels, first.source.labels)
    assert again.ids == first.ids


def test_labels_of_a_data_set_that_is_built_anew_are_read_again(tmp_path):
    features = {"video": F.Scalar(np.object_), "label": F.Scalar(np.int64)}
    assert not plain(tmp_path, features, lambda i: {"video": b"x", "label": 0}).source.labels.any()
    shutil.rmtree(tmp_path / "plain")
    assert plain(tmp_path, features, lambda i: {"video": b"x", "label": 1}).source.labels.all()


def test_a_slice_and_other_class_names(clips):
    opened = open_source(
        "tfds:clips:1.0.0@train[2:]+validation", root=clips, class_names=["a", "c", "B_b"]
    )
    assert opened.class_names == ("a", "c", "B_b")
    assert len(opened.source) == 5
    odd = [int(name.split()[1]) % 2 for name in opened.ids]
    assert opened.source.labels.tolist() == [0 if o else 2 for o in odd]


def test_preflight_of_videos_that_are_no_files(clips, capsys):
    arguments = ["--train", "tfds:clips@train", "--validation", "tfds:clips@validation"]
    assert check.main([*arguments, "--root", clips, "--json", "--processes=1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["warnings"] == []
    assert found["splits"]["train"]["missing_files"] is None
    assert found["splits"]["train"]["decoded"] == 5
    assert found["splits"]["validation"]["frames"]["max"] == 9


def test_names_that_say_no_data_set(clips, tmp_path):
    def said(name, class_names=None):
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            open_source(name, root=clips, class_names=class_names)
        return str(caught.value)

    assert "expected tfds:NAME@SPLIT" in said("tfds:clips")
    assert "is not built in" in said("tfds:other@train")
    assert "found nothing" in said("tfds:other@train")
    assert "clips/small/1.0.0" in said("tfds:clips:2.0.0@train")
    assert "is not built" in said("tfds:clips/large@train")
    assert "Unknown split 'test'" in said("tfds:clips@test")
    assert "1 classes that are none of the 1 class names:\n  'a'" in said(
        "tfds:clips@train", ["b b"]
    )


def plain(folder, features, element, **kwargs):
    build(folder, features, element, called="plain", **kwargs)
    return open_source("tfds:plain@train", root=str(folder), class_names=["no", "yes"])


def test_an_integer_label_takes_its_names_from_a_file(tmp_path):
    features = {
        "clip": F.Scalar(np.object_),
        "target": F.Scalar(np.int64),
        "other": F.Scalar(np.int64),
    }
    opened = plain(tmp_path, features, lambda i: {"clip": b"x", "target": i % 2, "other": 7})
    assert sorted(opened.source.labels.tolist()) == [0, 0, 0, 1, 1]
    assert opened.source.name(3) == "tfds:plain/1.0.0@train[3]"
    with pytest.raises(ValueError, match=r"'target' is a number without names.*data.class_names"):
        open_source("tfds:plain@train", root=str(tmp_path), class_names=None)
    with pytest.raises(ValueError, match=r"has labels 1, but there are 1 classes"):
        open_source("tfds:plain@train", root=str(tmp_path), class_names=["one"])


def test_features_that_hold_no_labelled_video(tmp_path):
    features = {"frames": F.Tensor(shape=(2, 2), dtype=np.uint8), "words": F.Text()}
    with pytest.raises(
        ValueError, match=r"tfds:plain/1.0.0@train has no feature with enc"
    ) as caught:
        plain(tmp_path, features, lambda i: {"frames": np.zeros((2, 2), np.uint8), "words": "x"})
    assert "and no label: expected one ClassLabel" in str(caught.value)
    assert "\n  frames: Tensor(shape=(2, 2), dtype=uint8)\n  words: Text(" in str(caught.value)


def test_two_versions_have_to_be_told_apart(tmp_path):
    features = {"video": F.Scalar(np.object_), "label": F.ClassLabel(names=["a", "b"])}

    def element(i):
        return {"video": b"x", "label": 0}

    build(tmp_path, features, element, called="twice", version="1.0.0")
    build(tmp_path, features, element, called="twice", version="1.1.0")
    with pytest.raises(ValueError, match="could be any of") as caught:
        open_source("tfds:twice@train", root=str(tmp_path), class_names=None)
    assert "twice/1.0.0" in str(caught.value)
    assert (
        len(open_source("tfds:twice:1.1.0@train", root=str(tmp_path), class_names=None).source) == 5
    )


def test_features_that_need_tensorflow(tmp_path):
    features = {"video": F.Scalar(np.object_), "label": F.Scalar(np.int64)}
    plain(tmp_path, features, lambda i: {"video": b"x", "label": 0})
    path = tmp_path / "plain" / "1.0.0" / "features.json"
    config = json.loads(path.read_text())
    config["featuresDict"]["features"]["video"] = {
        "pythonClassName": "tensorflow_datasets.core.features.video_feature.Video",
        "video": {"shape": {"dimensions": ["-1", "8", "8", "3"]}, "dtype": "uint8"},
    }
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"plain/1.0.0 has features that need TensorFlow"):
        open_source("tfds:plain@train", root=str(tmp_path), class_names=["a"])
