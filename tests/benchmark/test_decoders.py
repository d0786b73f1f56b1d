"""The comparison of decoders reads the same frames with each, from files as they are named."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ila_jax.benchmark import decoders
from ila_jax.data.clips.sampling import interval
from ila_jax.data.video.decode import decode, index_video
from tests.data.videos import H264, write_video


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "a.mp4"
    return write_video(path, options=H264 | {"g": "12"}).read_bytes()


def test_each_reader_gives_the_frames_of_the_interval(data):
    index = index_video(data)
    expected = decode(index, interval(40, 8))
    for name, read in decoders.readers().items():
        found = read(data)
        assert (found.shape, found.dtype) == (expected.shape, np.uint8)
        if name in ("sequential", "ila_jax"):  # the others' colours come from other converters
            np.testing.assert_array_equal(found, expected, name)
        else:
            assert np.abs(found.astype(int) - expected).mean() < 2, name


def _package(monkeypatch, name, **attributes):
    """A package that is installed, as far as imports can tell."""
    module = ModuleType(name)
    vars(module).update(attributes)
    monkeypatch.setitem(sys.modules, name, module)


def test_packages_that_are_installed_take_part(data, monkeypatch):
    """In place of decord and torchcodec, which are not needed for tests: as they are called."""
    frames = decode(index_video(data), range(40))

    class Reader:
        def __init__(self, file, ctx, num_threads):
            assert (file.read(), ctx, num_threads) == (data, "cpu 0", 1)

        def __len__(self):
            return len(frames)

        def get_batch(self, numbers):
            return SimpleNamespace(asnumpy=lambda: frames[numbers])

    class Decoder:
        metadata = SimpleNamespace(num_frames=len(frames))

        def __init__(self, source, dimension_order, num_ffmpeg_threads):
            assert (source, dimension_order, num_ffmpeg_threads) == (data, "NHWC", 1)

        def get_frames_at(self, indices):
            return SimpleNamespace(data=SimpleNamespace(numpy=lambda: frames[indices]))

    _package(monkeypatch, "decord", VideoReader=Reader, cpu=lambda n: f"cpu {n}")
    _package(monkeypatch, "torchcodec")
    _package(monkeypatch, "torchcodec.decoders", VideoDecoder=Decoder)
    by_name = decoders.readers()
    assert list(by_name) == ["sequential", "ila_jax", "decord", "torchcodec"]
    for name, read in by_name.items():
        np.testing.assert_array_equal(read(data), frames[interval(40, 8)], name)


def test_packages_that_are_not_there_or_do_not_load_are_left_out(monkeypatch):
    def load(name):
        if name == "decord":
            raise ModuleNotFoundError("No module named 'decord'", name="decord")
        raise OSError("Could not load this library: /a/b.so") from OSError("libx.so.13: no file")

    monkeypatch.setattr(decoders.importlib, "import_module", load)
    assert decoders.left_out() == {
        "decord": "is not installed",
        "torchcodec": "is installed and does not load: libx.so.13: no file",
    }
    assert list(decoders.readers()) == ["sequential", "ila_jax"]
    assert list(decoders.versions()) == ["av"]


def test_a_comparison(data):
    steps = []
    found = decoders.compare([("a", data), ("b", data)], rounds=2, step=lambda: steps.append(0))
    assert found.files == {"a": len(data), "b": len(data)}
    for by in found.seconds.values():
        assert set(by) >= {"sequential", "ila_jax"}
        assert all(seconds > 0 for seconds in by.values())
    assert found.ratios()["a"]["sequential"] == 1
    assert found.ratios()["b"]["ila_jax"] == (
        found.seconds["b"]["ila_jax"] / found.seconds["b"]["sequential"]
    )
    assert len(steps) == 4


def test_other_frames_than_those_of_sequential_decoding_are_no_result(data, monkeypatch):
    monkeypatch.setattr(decoders, "_indexed", lambda data: np.zeros((8, 48, 64, 3), np.uint8))
    with pytest.raises(RuntimeError, match="film: the frames differ"):
        decoders.compare([("film", data)], rounds=1, step=lambda: None)


def test_the_files_are_as_their_names_say(monkeypatch):
    """At a quarter of their size, which takes a second instead of many."""
    real = decoders._encoded
    monkeypatch.setattr(decoders, "_encoded", lambda h, w: real(h // 4 // 2 * 2, w // 4 // 2 * 2))
    found = {name: index_video(data) for name, data in decoders.videos()}
    assert len(found) == decoders.FILES
    for name, index in found.items():
        assert index.count == 300
        every = 12 if "every 12" in name else 250
        assert (np.diff(index.keys) <= every).all()
        assert index.keys.tolist()[:2] == [0, every]
        assert index.times[-1] == pytest.approx(299 / 30, abs=1e-3)
