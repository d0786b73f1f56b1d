"""Finds which names of a file are the model's, and what stands before them, in every format.

A training wraps its model, and the names of the tensors then begin with those of the wrappers:
`module.`, `_orig_mod.`, Lightning's `model.`, `teacher.`. The prefix is found by looking for a name
that every model here has: what stands before that name is the prefix, whatever it is. So there is
no list of prefixes to keep, and no part of a name that a model needs is ever taken off.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

# Names by which a model is found, as every one that can be read here has one of them: the official
# names, then Hugging Face's. Two of each, as a file may lack one, which is reported then.
_ANCHORS = (
    "visual.conv1.weight", "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight", "vision_model.embeddings.class_embedding",
)  # fmt: skip
# What PyTorch itself puts into names: DataParallel, torch.compile, FSDP, checkpointing. These may
# stand at any depth, not only in front; no model here has parts of such names.
_WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
# First parts of names that belong to a training: counters, losses, optimizers. Any other name that
# no rule knows is an error, since the model may compute with it.
_TRAINING = re.compile(
    r"n_averaged|initted|epochs?|iter(ation)?s?|(global_)?steps?|criterion|loss(es|_fn)?"
    r"|optimizers?|(lr_)?schedulers?|(grad_)?scaler|(train_|val_|valid_|test_)?(acc\w*|metrics?)"
)
OF_TRAINING = "belongs to the training that made it, not to the model"
# How a user names the model whose names have no prefix, where the file has others as well.
BARE = "."


@dataclass(frozen=True)
class Selected:
    """The names of one model of a file.

    names: each name of the model to the name in the file. taken_off: the prefixes that were removed
    from the names. skipped: each name in the file that is not taken, to the reason.
    """

    names: Mapping[str, str]
    taken_off: tuple[str, ...]
    skipped: Mapping[str, str]


def prefixes(names: Collection[str]) -> list[str]:
    """The prefix of each model among these names, apart from PyTorch's own wrappers; sorted."""
    inner = [_unwrapped(name) for name in names]
    candidates = {n.removesuffix(a) for n in inner for a in _ANCHORS if n.endswith(a)}
    # A prefix ends with a dot: `old_visual.conv1.weight` is no name of a model.
    return sorted(prefix for prefix in candidates if not prefix or prefix.endswith("."))


def select(names: Collection[str], wanted: str | None = None) -> Selected:
    """The names of one model; all names as they are where no model is recognised.

    wanted: its prefix, or BARE, where the file has several models.
    Errors: ValueError naming the prefixes, when there are several or not the one wanted.
    """
    all_prefixes = prefixes(names)
    prefix = _chosen(all_prefixes, wanted)
    if not all_prefixes:
        return Selected({name: name for name in names}, (), {})
    # Where this model has no prefix, every name begins like its own, those of other models too.
    others = [p for p in all_prefixes if p != prefix and p.startswith(prefix)]
    selected: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for name in names:
        inner = _unwrapped(name)
        short = inner.removeprefix(prefix)
        if reason := _why_skipped(inner, short, prefix, others):
            skipped[name] = reason
        elif short in selected:
            raise ValueError(f"{selected[short]} and {name} are the same tensor of one model")
        else:
            selected[short] = name
    parts = {part for name in selected.values() for part in name.split(".")}
    taken_off = [f"{part}." for part in _WRAPPERS if part in parts] + ([prefix] if prefix else [])
    return Selected(selected, tuple(taken_off), skipped)


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _chosen(candidates: list[str], wanted: str | None) -> str:
    """The one prefix to take; "" where there is none at all."""
    labels = {prefix or BARE: prefix for prefix in candidates}
    if wanted is not None and wanted not in labels:
        raise ValueError(
            f"no names begin with {wanted}: expected --entry {_or(labels)}"
            if candidates
            else f"no names of a model that is known here begin with {wanted}: leave --entry out"
        )
    if wanted is None and len(candidates) > 1:
        raise ValueError(
            f"it holds {len(candidates)} models, whose names begin with {_or(labels)}: choose one "
            f"by --entry {sorted(labels)[-1]}"
        )
    return labels[wanted] if wanted is not None else "".join(candidates)  # one, or none


def _why_skipped(inner: str, short: str, prefix: str, others: Collection[str]) -> str | None:
    """Why a name is not the model's, or None.

    inner: the name without wrappers. short: without the prefix as well.
    """
    if other := next((p for p in others if inner.startswith(p)), None):
        return f"of another model in the file, which --entry {other} takes"
    if not inner.startswith(prefix):
        return f"stands beside the model, whose names begin with {prefix}"
    if _TRAINING.fullmatch(short.split(".")[0]):
        return OF_TRAINING
    return None


def _or(labels: Collection[str]) -> str:
    return " or ".join(f"{label} (no prefix)" if label == BARE else label for label in labels)
