"""Files that are no weights for us: each is called by its name, with what to do."""

import gzip
import io
import json
import pickle
import re
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from ila_jax.weights.foreign.files import read
from tests.weights.foreign import hostile
from tests.weights.foreign.test_folders import SETTINGS

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f\nsize 605247071\n"
)
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in &amp; go on</title></head></html>"
DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No</Message></Error>"
INDEX = b'{"metadata": {"total_size": 1}, "weight_map": {"a": "b"}}'
FLAX = b"\x85\xablogit_scale\xc7\x0e\x01" + bytes(100)


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        file.addfile(tarfile.TarInfo("ViT-B-32.pt"), io.BytesIO())
    return buffer.getvalue()


def npz():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.ones(3))
    return buffer.getvalue()


FILES = {
    "pointer": (POINTER, r"pointer of Git LFS for a file of 605,247,071 bytes: .*git lfs pull"),
    "page": (PAGE, r"it is a web page \('Sign in & go on'\): what was fetched was no file"),
    "page after a mark": (b"\xef\xbb\xbf\n  " + PAGE.lower(), "it is a web page"),
    "long page": (PAGE + "é".encode() * 100_000, "it is a web page"),
    "page packed": (gzip.compress(PAGE), "packed by gzip, and in it is a web page"),
    "page in Latin-1": ("<html><title>Größe</title>".encode("latin-1"), "web page .'Größe'"),
    "denied": (DENIED, r"XML, as servers send errors \('AccessDenied No'\)"),
    "error": (b'{"error": "Repository not found"}', r"a server's error \('Repository not found'\)"),
    "error packed": (gzip.compress(b'{"error":"no"}'), r"packed by gzip, .* a server's error"),
    # Its ninth byte is that of a safetensors file.
    "nested": (b'{"err": {"message": "no"}}', "it is JSON"),
    "index": (INDEX, "index of shards: name the folder"),
    "config": (b'{"model_type": "clip"}', "a configuration: name the folder"),
    "list": (json.dumps([1] * 100_000).encode(), "it is JSON"),
    "text": (b"Entry not found", r"it is text \('Entry not found'\)"),
    "blank": (b"\n\n", "it is text: what was fetched"),
    "zeros": (bytes(5000), "zeros alone: the download did not end"),
    "weights packed": (gzip.compress(b"PK\x03\x04" + bytes(100)), "packed by gzip: unpack it"),
    "gzip cut off": (gzip.compress(PAGE)[:10], "packed by gzip: unpack it"),
    "tar": (tarred(), "it is a tar archive: unpack it"),
    "tar.gz": (gzip.compress(tarred()), "packed by gzip, and in it is a tar archive"),
    "zip": (zipped(**{"a/ViT-B-32.pt": b"x"}), r"PyTorch wrote: it has a/ViT-B-32\.pt in it"),
    "npz": (npz(), r"arrays of NumPy \(\.npz\): take the PyTorch file"),
    "keras": (zipped(**{"metadata.json": b"", "model.weights.h5": b""}), "a model of Keras"),
    "exported": (zipped(**{"a/models/model.json": b"{}"}), r"torch\.export"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5 file, of Keras or TensorFlow"),
    "flax": (FLAX, "msgpack, as Flax writes it: take the PyTorch file"),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0" + bytes(50), "looks like ONNX"),
    "saved model": (b"\x08\x01\x12\x9a\x03\x0a\x00" + bytes(50), "SavedModel of TensorFlow"),
    "gguf": (b"GGUF\x03\0\0\0" + bytes(50), "GGUF"),
    "npy": (b"\x93NUMPY\x01\0" + bytes(50), "one array of NumPy"),
    "tflite": (b"\x1c\0\0\0TFL3" + bytes(50), "TensorFlow Lite"),
    "xz": (b"\xfd7zXZ\0" + bytes(50), "packed by xz: unpack it"),
    "pickle": (
        pickle.dumps({"a": 1}, 4),
        r"a pickle, but none of torch\.save, .*: if you trust it",
    ),
    "arrays": (pickle.dumps({"a": np.ones(3)}, 4), r"none of torch\.save, .*: if you trust it"),
    "empty": (b"", "it is empty: get it again"),
    "random": (b"\xe5\x8a\xff\x03" * 100, "expected a PyTorch file"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_is_instead(name, tmp_path):
    data, message = FILES[name]
    path = tmp_path / "model.pth"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.pth (was refused|cannot be read): ") as error:
        read(path)
    assert re.search(message, str(error.value), re.DOTALL), str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("name", ["model.pth.crdownload", "model.safetensors.incomplete", "a.part"])
def test_the_name_of_an_unfinished_download_is_told(name, tmp_path):
    hostile.archive(tmp_path / "whole", hostile.tensor([4]))
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"the download did not end"):
        read(tmp_path / name)
    (tmp_path / name).write_bytes(data)
    assert read(tmp_path / name).state, "a whole file is read, whatever it is called"


def test_what_lies_beside_an_unfinished_download_is_told(tmp_path):
    (tmp_path / "model.pth").write_bytes(b"PK\x03\x04" + bytes(500))
    (tmp_path / "model.pth.aria2").touch()
    with pytest.raises(ValueError, match=r"model\.pth\.aria2 beside it says"):
        read(tmp_path / "model.pth")


def test_the_file_of_a_folder_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(SETTINGS))
    (tmp_path / "pytorch_model.bin").write_bytes(POINTER)
    with pytest.raises(ValueError, match=r"cannot be read: pytorch_model\.bin: it is a pointer"):
        read(tmp_path)


def test_a_page_saved_as_a_configuration_is_told(tmp_path):
    (tmp_path / "config.json").write_bytes(PAGE)
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"config\.json is no JSON: it is a web page"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("openai/clip-vit-base-patch32", "write hf://openai/clip-vit-base-patch32$"),
        ("../no/where", "there is no file ../no/where$"),
        ("https://example.org/a.pt", "is an address: fetch the file first"),
        ("https://huggingface.co/a/b", "write hf://a/b$"),
        ("https://huggingface.co/a/b/tree/main", "write hf://a/b$"),
        ("https://hf.co/a/b/blob/main/c/d.bin?download=true", "write hf://a/b/c/d.bin$"),
        ("https://huggingface.co/a/b/resolve/v1/d.bin", "write hf://a/b@v1/d.bin$"),
        ("https://huggingface.co/a/b/blob/refs/pr/3/d.bin", "write hf://a/b@refs%2Fpr%2F3/d.bin$"),
    ],
)
def test_what_is_meant_by_an_address_is_told(source, message):
    with pytest.raises(ValueError, match=message):
        read(source)


# The first is a "{", as of JSON; the others are what ONNX and msgpack begin with.
@pytest.mark.parametrize("length", [0x7B, 0x120308, 0x61AB85])
def test_a_header_whose_length_reads_as_something_else_is_read(length, tmp_path):
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    header += b" " * (length - len(header))
    data = np.arange(4, dtype=np.float32)
    (tmp_path / "file").write_bytes(struct.pack("<Q", len(header)) + header + data.tobytes())
    np.testing.assert_array_equal(read(tmp_path / "file").state["w"], data)
