"""Files that want to do harm, and broken ones, made by hand."""

import io
import json
import os
import pickle
import struct
import zipfile

import numpy as np

MIB = 1 << 20


class Command:
    """A pickle that runs a command when `pickle` loads it."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def archive(path, index: bytes, *extra, storage: bytes = bytes(16)):
    """A zip file as torch.save writes it, with any index, and entries (name, bytes, method)."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", index)
        file.writestr("archive/data/0", storage)
        for name, data, method in extra:
            file.writestr(name, data, method, compresslevel=1)


def tensor(size, stride=None, *, count=4, name="w", offset=0) -> bytes:
    """The index of a state dict of one tensor, protocol 2."""
    stride = [1] * len(size) if stride is None else stride
    return (
        b"\x80\x02}" + _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + _text("storage") + b"ctorch\nFloatStorage\n" + _text("0") + _text("cpu")
        + pickle.dumps(count, 2)[2:-1] + b"tQ" + pickle.dumps(offset, 2)[2:-1]
        + pickle.dumps(tuple(size), 2)[2:-1] + pickle.dumps(tuple(stride), 2)[2:-1]
        + b"\x89ccollections\nOrderedDict\n)RtRs."
    )  # fmt: skip


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text)) + text.encode()


def nested(marker) -> bytes:
    """builtins.eval, its name put together on the stack, deep in a list of lists."""
    code = f"__import__('os').system('touch {marker}')"
    call = _text("builtins") + _text("eval") + b"\x93" + _text(code) + b"\x85R"
    return b"\x80\x04" + b"]" * 20 + call + b"a" * 20 + b"."


def instance(marker) -> bytes:
    """The oldest way to call something."""
    return b"(S'touch " + str(marker).encode() + b"'\nios\nsystem\n."


def many_references() -> bytes:
    """A list of a list of … fifty deep, each twice: 2**50 leaves for whoever walks them all."""
    return (
        b"\x80\x02]q\x00"
        + b"".join(
            b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(50)
        )
        + b"."
    )


def safetensors(path, header, data: bytes = bytes(16)):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def good_safetensors(path, state):
    header, at = {}, 0
    for name, value in state.items():
        value = np.asarray(value, np.float32)
        header[name] = {
            "dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]
        }  # fmt: skip
        at += value.nbytes
    safetensors(path, header, b"".join(np.float32(v).tobytes() for v in state.values()))


def make_all(folder, marker):
    """Every file by name, with words that its refusal must have."""
    command = pickle.dumps({"model": Command(marker)}, 2)
    four = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    files = {}

    def add(name, message, write):
        files[name] = (folder / name, message)
        write(folder / name)

    add("command.pth", "wants to load posix.system", lambda p: archive(p, command))
    add("command.pkl", "system", lambda p: p.write_bytes(command))
    add("command_new.pkl", "system", lambda p: p.write_bytes(pickle.dumps(Command(marker), 4)))
    add(
        "named.pth",
        "wants to load posix.system",
        lambda p: archive(p, b"\x80\x02}" + _text("w") + b"cposix\nsystem\ns."),
    )
    add("nested.pth", "builtins.eval", lambda p: archive(p, nested(marker)))
    add("instance.pth", "INST", lambda p: archive(p, instance(marker)))
    add("torch_class.pth", "torch.nn", lambda p: archive(p, b"\x80\x02ctorch.nn.modules\nX\n)R."))
    add("script_class.pth", "__torch__", lambda p: archive(p, b"\x80\x02c__torch__\nA\n)\x81."))
    add(
        "slip.pth",
        "outside its folder",
        lambda p: archive(p, tensor([4]), ("../../evil", b"x", zipfile.ZIP_STORED)),
    )
    add(
        "absolute.pth",
        "outside its folder",
        lambda p: archive(p, tensor([4]), ("/etc/evil", b"x", zipfile.ZIP_STORED)),
    )
    add(
        "bomb.pth",
        "zip bomb",
        lambda p: archive(
            p, tensor([4]), ("archive/data/1", bytes(256 * MIB), zipfile.ZIP_DEFLATED)
        ),
    )
    add("packed_index.pth", "compressed", packed_index)
    add("huge_count.pth", "bytes, expected", lambda p: archive(p, tensor([4], count=10**12)))
    add("huge_stride.pth", "beyond its storage", lambda p: archive(p, tensor([4], [10**12])))
    add("expanded.pth", "beyond its storage", lambda p: archive(p, tensor([10**12], [0])))
    add("negative.pth", "counts", lambda p: archive(p, tensor([4], offset=-1)))
    add("laughs.pth", "no dict of tensors", lambda p: archive(p, many_references()))
    add(
        "no_torch.zip",
        "not one that PyTorch wrote",
        lambda p: zipfile.ZipFile(p, "w").close() or _zip(p, {"readme.txt": b"hello"}),
    )
    add("long_header.safetensors", "cut off", lambda p: p.write_bytes(b"\xff" * 7 + b"\x7f{"))
    add("overlap.safetensors", "does not lie", lambda p: safetensors(p, {"a": four, "b": four}))
    add("no_json.safetensors", "no list of tensors", lambda p: safetensors(p, b"{" * 3000))
    add("page.pth", "web page", lambda p: p.write_bytes(b"<!DOCTYPE html><html></html>"))
    add("empty.pth", "it is empty", lambda p: p.write_bytes(b""))
    add("folder", "not one of Hugging Face", lambda p: p.mkdir())
    add("index_slip", "outside the folder", index_slip)
    add("no_magic.pth", "magic number", lambda p: p.write_bytes(pickle.dumps({"a": 1}, 2)))
    return files  # fmt: skip


def packed_index(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", bytes(10 * MIB))


def index_slip(path):
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "clip"}')
    shards = {"weight_map": {"a": "../../secret.safetensors"}}
    (path / "model.safetensors.index.json").write_text(json.dumps(shards))


def _zip(path, files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    path.write_bytes(buffer.getvalue())
