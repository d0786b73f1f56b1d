"""No file can hurt: refusals in words, nothing executed, little memory."""

import subprocess
import sys

import numpy as np
import pytest

from ila_jax.weights.foreign.files import read
from tests.weights.foreign import hostile

GIB = 1 << 30


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return hostile.make_all(folder, folder / "executed"), folder / "executed"


def test_every_hostile_file_is_refused_in_a_sentence_and_nothing_runs(files):
    paths, marker = files
    assert len(paths) >= 20
    for name, (path, message) in paths.items():
        with pytest.raises(ValueError, match=rf"{name} (was refused|cannot be read): ") as error:
            read(path)
        assert message in str(error.value), name
        assert len(str(error.value)) < 1000, name
    assert not marker.exists()


def test_the_payload_is_live(files, tmp_path):
    """What is refused above would run: `pickle` itself runs it."""
    import pickle

    path, _ = files[0]["command.pkl"]
    marker = files[1]
    with path.open("rb") as file:
        pickle.load(file)
    assert marker.exists()
    marker.unlink()


def test_refusing_all_of_them_takes_little_memory(files):
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_DATA, ({2 * GIB}, {2 * GIB}))\n"
        "from ila_jax.weights.foreign.files import read\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        read(name)\n    except ValueError:\n        continue\n"
        "    sys.exit(f'{name} was read')\n"
        # Not getrusage, whose peak begins with that of the process that started this one.
        "print(*(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    paths = [str(path) for path, _ in files[0].values()]
    command = [sys.executable, "-c", code, *paths]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(finished.stdout.split()[1]) * 1024 < GIB


def test_an_expanded_but_honest_file_is_read(tmp_path):
    """The hand-made archive is fine where nothing is wrong with it."""
    hostile.archive(tmp_path / "good.pth", hostile.tensor([4]), storage=np.arange(4.0, dtype="f4"))
    np.testing.assert_array_equal(read(tmp_path / "good.pth").state["w"], np.arange(4))


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "flipped.pth"
    storage = np.arange(4.0, dtype="f4").tobytes()
    hostile.archive(path, hostile.tensor([4]), storage=storage)
    data = path.read_bytes()
    at = data.index(storage) + 5
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(ValueError, match="record data/0 is damaged"):
        read(path)


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("kind", ["zip", "safetensors"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, kind, tenth):
    whole = tmp_path / "whole"
    if kind == "zip":
        hostile.archive(whole, hostile.tensor([4]))
    else:
        hostile.good_safetensors(whole, {"a": np.ones(4), "b": np.ones((2, 3))})
    data = whole.read_bytes()
    assert read(whole).state
    cut = tmp_path / "cut"
    cut.write_bytes(data[: len(data) * tenth // 10])
    with pytest.raises(ValueError, match="cannot be read: it"):
        read(cut)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        read(tmp_path / "nowhere.pth")
