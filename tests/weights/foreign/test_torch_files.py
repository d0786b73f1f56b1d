"""What PyTorch's files may lack: each is told by what is wrong with it, and good ones are read."""

import pickle
import struct
import zipfile

import numpy as np
import pytest

from ila_jax.weights.foreign.files import read
from tests.weights.foreign import hostile

VALUES = np.arange(4, dtype="<f4")


@pytest.mark.parametrize(
    ("index", "extra", "words"),
    [
        (hostile.tensor([4]), ("byteorder", b"big"), "its numbers are big-endian"),
        (hostile.tensor([4]), ("constants.pkl", b""), "TorchScript archive that holds no module"),
        (hostile.tensor([4], count=8), ("version", b"3"), "has 16 bytes, expected 32"),
    ],
)
def test_an_archive_that_does_not_fit_together(index, extra, words, tmp_path):
    name, data = extra
    path = tmp_path / "model.pth"
    hostile.archive(path, index, (f"archive/{name}", data, zipfile.ZIP_STORED))
    with pytest.raises(ValueError, match=words):
        read(path)


def test_an_encrypted_archive(tmp_path):
    path = tmp_path / "model.pth"
    hostile.archive(path, hostile.tensor([4]))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flags of the first entry of the table of contents
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"entry archive/data\.pkl is encrypted: decrypt it first"):
        read(path)


def legacy(path, *, magic=0x1950A86A20F9469CFC6C, little_endian=True, keys=("0",), count=4):
    """A file as torch.save wrote it before PyTorch 1.6, of one tensor whose storage is called 0."""
    head = [magic, 1001, {"little_endian": little_endian}]
    keys = list(keys) if isinstance(keys, tuple) else keys
    path.write_bytes(
        b"".join(pickle.dumps(value, 2) for value in head)
        + hostile.tensor([4])
        + pickle.dumps(keys, 2)
        + struct.pack("<q", count)
        + VALUES.tobytes()
    )
    return path


def test_a_file_from_before_1_6_is_read(tmp_path):
    np.testing.assert_array_equal(read(legacy(tmp_path / "old.pth")).state["w"], VALUES)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"magic": 7}, "none of torch.save, whose magic number is missing"),
        ({"little_endian": False}, "its numbers are big-endian"),
        ({"keys": "0"}, "no list of its tensors"),
        ({"keys": ("0", "1")}, "storage 1 belongs to no tensor"),
        ({"keys": ()}, "storage 0 is missing"),
        ({"count": 5}, "storage 0 is cut off"),
    ],
)
def test_a_file_from_before_1_6_that_is_damaged(changes, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        read(legacy(tmp_path / "old.pth", **changes))
