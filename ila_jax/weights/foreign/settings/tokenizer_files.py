"""Checks that the tokenizer in a folder of weights makes CLIP's tokens: no others exist here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ila_jax.files.json_files import read_object
from ila_jax.text.tokenizer import vocabulary

_WHAT = "a tokenizer's vocabulary"


def problems_of_tokenizer(folder: Path) -> list[str]:
    """A sentence that says how its vocabulary differs from CLIP's; nothing where it has none.

    Errors: ValueError for a file that is damaged.
    """
    file, ids = _vocabulary(folder)
    if ids is None:
        return []
    ours = vocabulary().ids
    # Tokens beyond CLIP's, as some trainings add, do no harm: no class name here becomes one.
    different = [token for token, number in ours.items() if ids.get(token) != number]
    if not different:
        return []
    first = different[0]
    return [
        f"{file} is another vocabulary than CLIP's, whose tokenizer is the only one here: "
        f"{len(different)} of {len(ours)} tokens differ, {first!r} is {ids.get(first)}, expected "
        f"{ours[first]}"
    ]


def _vocabulary(folder: Path) -> tuple[str, Mapping[str, Any] | None]:
    """The name of the file with the vocabulary, and token → id; "" and None without a file."""
    if (folder / "vocab.json").is_file():
        return "vocab.json", read_object(folder / "vocab.json", set(), _WHAT)
    # transformers 5 writes no vocab.json any more.
    if (folder / "tokenizer.json").is_file():
        model = read_object(folder / "tokenizer.json", set(), _WHAT).get("model")
        vocab = model.get("vocab") if isinstance(model, dict) else None
        # Other kinds of tokenizers have a list of tokens with scores: none of it is CLIP's.
        return "tokenizer.json", vocab if isinstance(vocab, dict) else {}
    return "", None
