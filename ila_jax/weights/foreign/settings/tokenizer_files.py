"""Whether a folder's own tokenizer makes CLIP's tokens, which are the only ones here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ila_jax.files.json_files import read_object
from ila_jax.text.tokenizer import vocabulary

_WHAT = "a tokenizer's vocabulary"


def problems_of_tokenizer(folder: Path) -> list[str]:
    """What differs from CLIP's vocabulary, in a sentence; nothing where the folder has no own.

    Tokens beyond CLIP's, as some trainings add, are let be: no class name here becomes one.
    Errors: ValueError for a file that is damaged.
    """
    file, there = _there(folder)
    if there is None:
        return []
    ours = vocabulary().ids
    other = [token for token, number in ours.items() if there.get(token) != number]
    if not other:
        return []
    first = other[0]
    return [
        f"{file} is another vocabulary than CLIP's, whose tokenizer is the only one here: "
        f"{len(other)} of {len(ours)} tokens differ, {first!r} is {there.get(first)}, expected "
        f"{ours[first]}"
    ]


def _there(folder: Path) -> tuple[str, Mapping[str, Any] | None]:
    """The file with the vocabulary, and token → id; transformers 5 writes no `vocab.json`."""
    if (folder / "vocab.json").is_file():
        return "vocab.json", read_object(folder / "vocab.json", set(), _WHAT)
    if (folder / "tokenizer.json").is_file():
        model = read_object(folder / "tokenizer.json", set(), _WHAT).get("model")
        vocab = model.get("vocab") if isinstance(model, dict) else None
        # Other kinds of tokenizers list tokens with scores: none has CLIP's ids.
        return "tokenizer.json", vocab if isinstance(vocab, dict) else {}
    return "", None
