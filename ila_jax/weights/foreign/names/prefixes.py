"""Which names of a file are the model's, and what stands before them; the same for every format.

Training wraps a model, and the names of its tensors then begin with the wrapper's: `module.`,
`_orig_mod.`, Lightning's `model.`, `teacher.`. The prefix is what stands before a name that every
model here has. So no part of a name that a model needs is ever taken off.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

# Every model that is known here has one of them: official names, then Hugging Face's.
_ANCHORS = (
    "visual.conv1.weight", "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight", "vision_model.embeddings.class_embedding",
)  # fmt: skip
# What PyTorch puts into names at any depth; no model here has such parts.
_WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
# First parts of names that belong to a training: counters, losses, optimizers.
_TRAINING = re.compile(
    r"n_averaged|initted|epochs?|iter(ation)?s?|(global_)?steps?|criterion|loss(es|_fn)?"
    r"|optimizers?|(lr_)?schedulers?|(grad_)?scaler|(train_|val_|valid_|test_)?(acc\w*|metrics?)"
)
OF_TRAINING = "belongs to the training that made it, not to the model"
# How the model whose names have no prefix is called, where others lie beside it.
BARE = "."


@dataclass(frozen=True)
class Selected:
    """names: of the model, to names in the file. taken_off: from them. left: with reasons."""

    names: Mapping[str, str]
    taken_off: tuple[str, ...]
    left: Mapping[str, str]


def prefixes(names: Collection[str]) -> list[str]:
    """What stands before the names of each model here, without PyTorch's own wrappers."""
    inner = [_unwrapped(name) for name in names]
    found = {n.removesuffix(a) for n in inner for a in _ANCHORS if n.endswith(a)}
    return sorted(prefix for prefix in found if not prefix or prefix.endswith("."))


def select(names: Collection[str], wanted: str | None = None) -> Selected:
    """The names of one model; all as they are where none is known.

    wanted: its prefix, or BARE, where the file has several.
    Errors: ValueError naming the prefixes, when there are several or not the one wanted.
    """
    there = prefixes(names)
    prefix = _chosen(there, wanted)
    if not there:
        return Selected({name: name for name in names}, (), {})
    others = [p for p in there if p != prefix and p.startswith(prefix)]
    found: dict[str, str] = {}
    left: dict[str, str] = {}
    for name in names:
        inner = _unwrapped(name)
        short = inner.removeprefix(prefix)
        if reason := _why_left(inner, short, prefix, others):
            left[name] = reason
        elif short in found:
            raise ValueError(f"{found[short]} and {name} are the same tensor of one model")
        else:
            found[short] = name
    wrappers = {part for name in found.values() for part in name.split(".") if part in _WRAPPERS}
    off = [f"{part}." for part in _WRAPPERS if part in wrappers] + ([prefix] if prefix else [])
    return Selected(found, tuple(off), left)


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _chosen(found: list[str], wanted: str | None) -> str:
    labels = {prefix or BARE: prefix for prefix in found}
    if wanted is not None and wanted not in labels:
        raise ValueError(
            f"no names begin with {wanted}: expected --entry {_or(labels)}"
            if found
            else f"no names of a model that is known here begin with {wanted}: leave --entry out"
        )
    if wanted is None and len(found) > 1:
        raise ValueError(
            f"it holds {len(found)} models, whose names begin with {_or(labels)}: choose one by "
            f"--entry {sorted(labels)[-1]}"
        )
    return labels[wanted] if wanted is not None else "".join(found)


def _why_left(inner: str, short: str, prefix: str, others: Collection[str]) -> str | None:
    if other := next((p for p in others if inner.startswith(p)), None):
        return f"of another model in the file, which --entry {other} takes"
    if not inner.startswith(prefix):
        return f"stands beside the model, whose names begin with {prefix}"
    if _TRAINING.fullmatch(short.split(".")[0]):
        return OF_TRAINING
    return None


def _or(labels: Collection[str]) -> str:
    return " or ".join(f"{label} (no prefix)" if label == BARE else label for label in labels)
