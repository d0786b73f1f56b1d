"""Chooses by name the files of a folder, or of a repository on the hub, that hold the weights."""

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

OPEN_CLIP, HUGGING_FACE = "open_clip_config.json", "config.json"
# A configuration and the weights that it goes with; of several the first is taken. safetensors come
# before pickles, which hold the same once more.
_LAYOUTS = (
    (OPEN_CLIP, "open_clip_model.safetensors"),
    (HUGGING_FACE, "model.safetensors"),
    (OPEN_CLIP, "open_clip_pytorch_model.bin"),
    (HUGGING_FACE, "pytorch_model.bin"),
)
_HUGGING_FACE_MODELS = ("clip", "xclip")
_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".th")
# What other frameworks call their copies of the same model.
_OTHERS = {
    "flax_model.msgpack": "Flax",
    "tf_model.h5": "TensorFlow",
    "model.onnx": "ONNX",
    "saved_model.pb": "TensorFlow",
}

# Gives the settings in a file of the set, by its name.
Read = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class WeightFiles:
    """The files of one set of weights, by their names.

    config: the file of settings. index: the list of shards, or "". files: the files of weights, all
    of which are needed.
    """

    config: str
    index: str
    files: tuple[str, ...]


def choose(names: Collection[str], read: Read) -> WeightFiles:
    """One complete set of weights out of the names of files.

    read: the settings in one of these files, a JSON object.
    Errors: ValueError in a sentence when there is no set, or a shard of it is missing.
    """
    # Two of a kind are two copies of the same weights, but two configurations may be of two models.
    layouts = [(c, w, p) for c, w in _LAYOUTS if c in names and (p := _present(w, names))]
    if len({config for config, _, _ in layouts}) > 1 and not _is_clip(read(HUGGING_FACE)):
        # timm writes a config.json and a model.safetensors of its own beside open_clip's.
        layouts = [layout for layout in layouts if layout[0] == OPEN_CLIP]
    if not layouts:
        raise ValueError(_none(names))
    config, weights, present = layouts[0]
    index = f"{weights}.index.json"
    if present == [weights]:
        return WeightFiles(config, "", (weights,))
    if index not in names:
        return WeightFiles(config, "", _numbered(present))
    return WeightFiles(config, index, _shards(index, read(index), names))


def single_file(file: str, names: Collection[str]) -> WeightFiles | None:
    """A file of weights and the configuration next to it that it goes with; None without one.

    names: the names of all files in the folder. A variant such as `model.fp16.safetensors` goes
    with the configuration of `model.safetensors`.
    """
    for config, weights in _LAYOUTS:
        stem, suffix = os.path.splitext(weights)
        if config in names and re.fullmatch(rf"{stem}(\.\w+)?\{suffix}", file):
            return WeightFiles(config, "", (file,))
    return None


def _present(weights: str, names: Collection[str]) -> list[str]:
    """The whole file, or its index, or its shards where the index is missing; or nothing."""
    for whole in (weights, f"{weights}.index.json"):
        if whole in names:
            return [whole]
    stem, suffix = os.path.splitext(weights)
    pattern = re.compile(rf"{re.escape(stem)}-(\d{{5}})-of-(\d{{5}}){re.escape(suffix)}")
    return sorted(name for name in names if pattern.fullmatch(name))


def _numbered(shards: list[str]) -> tuple[str, ...]:
    """Shards without an index, all of which must be present: their names say their number."""
    count = int(shards[0].rpartition("-of-")[2].split(".")[0])
    if len(shards) != count:
        raise ValueError(
            f"it has {len(shards)} of {count} shards such as {shards[0]}: get the rest"
        )
    return tuple(shards)


def _is_clip(settings: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is of CLIPModel or XCLIPModel."""
    return settings.get("model_type") in _HUGGING_FACE_MODELS


def _shards(index: str, content: Mapping[str, Any], names: Collection[str]) -> tuple[str, ...]:
    """The files of an index. Errors: ValueError for one that is missing or outside the folder."""
    shards = content.get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise ValueError(f"{index} has no weight_map: get it again")
    files = sorted({str(file) for file in shards.values()})
    outside = [file for file in files if os.path.basename(file) != file or file in ("", "..")]
    if outside:
        raise ValueError(f"{index} names {outside[0]!r}, which is outside the folder")
    missing = [file for file in files if file not in names]
    if missing:
        raise ValueError(f"{index} names {', '.join(missing)}, not in the folder")
    return tuple(files)


def _none(names: Collection[str]) -> str:
    """What the folder has instead of a set of weights, and what to do."""
    # Trainer's training_args.bin and its like hold no weights.
    bare = sorted(name for name in names if name.endswith(_SUFFIXES) and "training_" not in name)
    if not {OPEN_CLIP, HUGGING_FACE} & set(names):
        problem = (
            "it is a folder, but not one of Hugging Face or open_clip: expected config.json or "
            "open_clip_config.json in it"
        )
        if not bare:
            return f"{problem}. Name a file, or give a folder of ours to ila_jax.load"
        return f"{problem}. It has {_few(bare)}: name one of these files"
    expected = " or ".join(weights for config, weights in _LAYOUTS if config in names)
    problem = f"it has no weights: expected {expected} beside its config"
    others = sorted({kind for name, kind in _OTHERS.items() if name in names})
    if bare:
        return f"{problem}. It has {_few(bare)}: name one of these files"
    if others:
        return f"{problem}. It has those of {' and '.join(others)}, which are not read here"
    return problem


def _few(names: Collection[str]) -> str:
    return ", ".join(list(names)[:5]) + (", …" if len(names) > 5 else "")
