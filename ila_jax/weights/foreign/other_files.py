"""Says what a file is that is no file of weights for us, by its first bytes, and what to do.

Most of these are no exotic formats but failed downloads: a web page, a server's error, or a pointer
of Git LFS, saved under the name of weights. The sentences of `what` begin with "it is", and the
caller puts the name of the file in front.
"""

import gzip
import html
import json
import re
import zlib
from collections.abc import Collection
from pathlib import Path

FIRST = 1 << 16  # bytes of a file that are read here
_TORCH = "take the PyTorch file (.pt, .pth, .bin) or the safetensors of the same model"
_UNPACK = "unpack it, and name the file of weights in it"
_AGAIN = "what was fetched was no file: get it again, from an address that gives the file itself"
# What a file begins with, what that is, and what to do.
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, of Keras or TensorFlow", _TORCH),
    (b"GGUF", "a GGUF file, of llama.cpp", _TORCH),
    (b"\x93NUMPY", "one array of NumPy (.npy)", _TORCH),
    (b"MATLAB", "a file of MATLAB", _TORCH),
    (b"7z\xbc\xaf\x27\x1c", "packed by 7-Zip", _UNPACK),
    (b"Rar!", "packed by RAR", _UNPACK),
    (b"BZh", "packed by bzip2", _UNPACK),
    (b"\xfd7zXZ", "packed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard", _UNPACK),
    (b"\x08\x01\x12", "a SavedModel of TensorFlow", _TORCH),
)
# Map of one entry or more, or of 16 or 32 bits' length, and then a text.
_MSGPACK = re.compile(rb"(?:[\x81-\x8f]|\xde..|\xdf....)(?:[\xa1-\xbf]|\xd9.)[\w/.-]", re.DOTALL)
# Version 3 to 31 of its format, and then the producer's name or the like.
_ONNX = re.compile(rb"\x08[\x03-\x1f][\x12\x1a\x22\x3a\x42]")
# What browsers and download tools append to the name of a file until it is whole, and of the files
# that they keep next to it until then.
_UNFINISHED = (".incomplete", ".crdownload", ".part", ".partial", ".download", ".opdownload")
_CONTROLS = (".aria2", ".crdownload", ".part", ".incomplete")


def what(data: bytes) -> str | None:
    """The sentence for the first bytes of a file, or None where they may be weights."""
    first = data[:FIRST]
    # safetensors before all others: its length may be any bytes, and so begin like other formats.
    if first[4:9] == b"\0\0\0\0{":
        return None
    if first.startswith(b"\x1f\x8b"):
        return _packed(first)
    if (text := _text(first)) is not None:
        return _of_text(text)
    for magic, kind, todo in _MAGIC:
        if first.startswith(magic):
            return f"it is {kind}: {todo}"
    # These two have their signatures further behind.
    if first[257:262] == b"ustar":
        return f"it is a tar archive: {_UNPACK}"
    if first[4:8] == b"TFL3":
        return f"it is a model of TensorFlow Lite: {_TORCH}"
    # Formats without a signature last: their first bytes are common.
    if _MSGPACK.match(first):
        return f"it is msgpack, as Flax writes it: {_TORCH}"
    if _ONNX.match(first):
        return f"it looks like ONNX: {_TORCH}"
    if not first.strip(b"\0"):
        return "it begins with zeros alone: the download did not end, get it again"
    return None


def unfinished(path: Path) -> str:
    """What a name says of a download that did not end, to be added to an error, or ""."""
    if path.suffix in _UNFINISHED:
        return f"; its name ends in {path.suffix}: the download did not end"
    controls = [path.with_name(path.name + suffix) for suffix in _CONTROLS]
    control = next((file.name for file in controls if file.exists()), None)
    return f"; {control} beside it says that the download did not end" if control else ""


def on_the_hub(path: Path) -> str:
    """What to write for a path that may be meant as a repository of the hub, or ""."""
    parts = path.parts
    if len(parts) == 2 and all(re.fullmatch(r"\w[\w.-]*", part) for part in parts):
        return f"; if a repository of the Hugging Face hub is meant, write hf://{'/'.join(parts)}"
    return ""


def by_name(path: Path) -> str:
    """What the name of a file says where its content says nothing, or ""."""
    if re.search(r"\.data-\d{5}-of-\d{5}$|\.ckpt\S*\.(index|meta)$", path.name):
        return f", and its name is one of TensorFlow's checkpoints: {_TORCH}"
    return unfinished(path)


def of_zip(names: Collection[str]) -> str:
    """What a zip archive is whose entries have these names, and what to do, or ""."""
    if any(name.endswith(".npy") for name in names):
        return f", but arrays of NumPy (.npz): {_TORCH}"
    if "metadata.json" in names and any(name.endswith(".weights.h5") for name in names):
        return f", but a model of Keras: {_TORCH}"
    if any(name.endswith("serialized_exported_program.json") for name in names) or any(
        name.endswith("models/model.json") for name in names
    ):
        return ", but a program of torch.export: save the model's state dict instead"
    inner = [n for n in names if n.endswith((".pt", ".pth", ".bin", ".safetensors", ".ckpt"))]
    if inner:
        return f": it has {', '.join(inner[:3])} in it, {_UNPACK}"
    return ""


def _packed(first: bytes) -> str:
    """The sentence for a gzip file, with what is in it where that is no weights either."""
    # No more than FIRST bytes are unpacked, however much there is.
    try:
        inner = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(first, FIRST)
    except (zlib.error, gzip.BadGzipFile):
        inner = b""
    # Gzip within gzip is not followed: it could go on for ever.
    content = what(inner) if inner and inner[:2] != b"\x1f\x8b" else None
    if content is None:
        return f"it is packed by gzip: {_UNPACK}"
    return f"it is packed by gzip, and in it {content.removeprefix('it ')}"


def _text(first: bytes) -> str | None:
    """The bytes as text, or None where they are none."""
    # Headers of weights have zeros in them, and texts have none.
    if b"\0" in first:
        return None
    try:
        # The last character may be cut off where the file is longer.
        text = first.decode("utf-8-sig", "strict" if len(first) < FIRST else "ignore")
    except UnicodeDecodeError:
        # Web pages in older encodings.
        if first.lstrip()[:1] != b"<":
            return None
        text = first.decode("latin-1")
    return text if all(c.isprintable() or c in "\t\r\n\f" for c in text[:1000]) else None


def _of_text(text: str) -> str:
    """The sentence for a file of text."""
    text = text.strip()
    if text.startswith("version https://git-lfs.github.com/spec"):
        size = re.search(r"^size (\d+)", text, re.MULTILINE)
        whole = f" for a file of {int(size[1]):,} bytes" if size else ""
        return (
            f"it is a pointer of Git LFS{whole}: the repository was cloned without its large "
            "files, run `git lfs install` and `git lfs pull` in it"
        )
    if re.match(r"<(!doctype html|html|head|body|!--)", text, re.IGNORECASE):
        return f"it is a web page{_quoted(_title(text))}: {_AGAIN} (at Hugging Face, not /blob/)"
    if text.startswith("<"):
        return f"it is XML, as servers send errors{_quoted(_message(text))}: {_AGAIN}"
    if text[:1] in "{[" and text:
        return _of_json(text)
    return f"it is text{_quoted(text.splitlines()[0] if text else '')}: {_AGAIN}"


def _of_json(text: str) -> str:
    """The sentence for a file of JSON: an index or a configuration of weights, or an error."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None  # longer than what was read of it
    if isinstance(content, dict):
        if "weight_map" in content:
            return "it is the index of shards: name the folder that it is in"
        for key in ("error", "message", "detail", "errors"):
            if key in content:
                return f"it is a server's error{_quoted(str(content[key]))}: {_AGAIN}"
        if {"model_type", "architectures", "model_cfg"} & content.keys():
            return "it is a configuration: name the folder that it is in"
    return f"it is JSON{_quoted(text.splitlines()[0])}: {_TORCH}"


def _title(text: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
    return html.unescape(" ".join(title[1].split())) if title else ""


def _message(text: str) -> str:
    """What an error of an S3 server says of itself."""
    return " ".join(re.findall(r"<(?:Code|Message)>([^<]*)<", text))


def _quoted(text: str) -> str:
    return f" ({text[:100]!r})" if text else ""
