"""Preparation on Apache Beam, and into an object store: the very same files."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from etils import epath
from fsspec.implementations.memory import MemoryFileSystem

from ila_jax.data.prepare import __main__ as prepare
from ila_jax.data.prepare.indices import verify
from ila_jax.data.sources.opening import open_source
from tests.data.small_set import BAD, VIDEOS, arguments, files, prepare_here, write_set


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    return write_set(tmp_path_factory.mktemp("videos"))


@pytest.fixture
def store(monkeypatch):
    """An object store, of which all but the network is real: etils, fsspec and its cache."""

    class Store(MemoryFileSystem):
        protocol = "s3"

        def mkdir(self, path, create_parents=True, **kwargs):
            """Stores have no folders but in the names of what they hold."""

        def makedirs(self, path, exist_ok=False):
            """As `mkdir`."""

    monkeypatch.setitem(sys.modules["fsspec.registry"]._registry, "s3", Store)
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    return epath.Path("s3://bucket/videos")


def test_into_an_object_store(videos, tmp_path, store):
    prepare_here(videos, tmp_path / "disk")
    prepare_here(videos, store)
    expected = files(tmp_path / "disk")
    names = {str(path) for path in store.iterdir()} - {str(store / "parts")}
    assert names == {str(store / name) for name in expected if "/" not in name}
    assert all((store / name).read_bytes() == data for name, data in expected.items())
    assert list(verify(store)) == []
    with np.load(io.BytesIO((store / "videos-train.index.npz").read_bytes())) as index:
        assert len(index["label"]) == VIDEOS - len(BAD)
    prepare_here(videos, store)  # it is there
    (store / "videos-train.array_record-00001-of-00004").unlink()
    assert [line.partition(":")[0] for line in verify(store)] == [
        "videos-train.array_record-00001-of-00004"
    ]
    prepare_here(videos, store)
    assert list(verify(store)) == []


@pytest.mark.filterwarnings("ignore")  # Beam's own
def test_beam_makes_the_same_files(videos, tmp_path):
    pytest.importorskip("apache_beam", reason="pip install '.[beam]'")
    prepare_here(videos, tmp_path / "here")
    prepare.main(arguments(videos, tmp_path / "beam", "--beam", "--runner=DirectRunner"))
    assert files(tmp_path / "beam") == files(tmp_path / "here")


def test_beam_is_asked_for_where_it_is_missing(videos, tmp_path):
    script = "import sys; sys.modules['apache_beam'] = None; from ila_jax import cli; "
    script += "from ila_jax.data.prepare.__main__ import main; sys.exit(cli.run(main))"
    args = arguments(videos, tmp_path / "out", "--beam")
    said = subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True)
    assert said.returncode == 1
    assert said.stderr == (
        "error: preparing on Beam needs Apache Beam, which is not installed: "
        "pip install 'ila-jax[beam]', here and on the workers\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("scheme", "extra", "package"), [("s3", "s3", "s3fs"), ("gs", "gcs", "gcsfs")]
)
def test_the_extra_of_a_store_is_named_where_it_is_missing(monkeypatch, scheme, extra, package):
    monkeypatch.setitem(sys.modules, package, None)
    # What was loaded before this test is remembered there.
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)
    # Before the list of videos is read.
    with pytest.raises(ValueError, match=rf"pip install 'ila-jax\[{extra}\]'"):
        prepare.main(["--from", "nowhere", "--to", f"{scheme}://bucket/videos"])
    with pytest.raises(ValueError, match=rf"pip install 'ila-jax\[{extra}\]'"):
        open_source("tfds:clips@train", root=f"{scheme}://bucket", class_names=None)
