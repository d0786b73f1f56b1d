"""CLIP's byte-pair encoding of texts (Radford et al. 2021, section 2.4), with its vocabulary."""

import functools
import gzip
import html
import importlib.resources
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int32

if TYPE_CHECKING:
    import regex

_FILE = "bpe_simple_vocab_16e6.txt.gz"
# The file lists 262,144 merges, most frequent first; CLIP stops where bytes (256), bytes at the
# end of a word (256), merges and the two marks below make 49,408 tokens.
_MERGES = 49408 - 2 * 256 - 2
_START = "<|startoftext|>"
_END = "<|endoftext|>"
_LAST = "</w>"  # marks the last symbol of a word
# Words: the marks, English contractions, letters together, digits one by one, other signs together.
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


class Vocabulary(NamedTuple):
    """CLIP's vocabulary, as the tokenizer asks for it.

    ids: of every token. ranks: of every merge of two symbols; the lowest is done first. letters:
    the visible character that the file writes for each byte.
    """

    ids: dict[str, int]
    ranks: dict[tuple[str, str], int]
    letters: tuple[str, ...]


def tokenize(texts: Sequence[str], context: int = 77) -> Int32[np.ndarray, "k l"]:
    """Token ids of each text between start (49406) and end (49407), then zeros up to `context`.

    context: how many tokens the model's text tower takes.
    Errors: ValueError for texts that do not fit, as in the released code: nothing is cut.
    """
    if isinstance(texts, str):
        raise ValueError(f"expected a list of texts, found one text: pass [{texts!r}]")
    ids = vocabulary().ids
    rows = np.zeros((len(texts), context), np.int32)
    too_long = []  # collected, so that one error counts them all
    for row, text in zip(rows, texts, strict=True):
        tokens = [ids[_START], *_encode(text), ids[_END]]
        if len(tokens) > context:
            too_long.append(f"the text {text!r} has {len(tokens)} tokens with its start and end")
        else:
            row[: len(tokens)] = tokens
    if too_long:
        more = f", and {len(too_long) - 1} others are too long as well" if too_long[1:] else ""
        raise ValueError(
            f"{too_long[0]}, and the limit is {context}{more}: shorten it, nothing is cut"
        )
    return rows


@functools.cache
def vocabulary() -> Vocabulary:
    """CLIP's vocabulary, read on first use."""
    file = importlib.resources.files("ila_jax.text") / _FILE
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")[1 : 1 + _MERGES]
    merges = [(left, right) for left, right in (line.split() for line in lines)]
    alphabet = _alphabet()
    singles = list(alphabet.values())
    # The order of the ids: bytes, bytes at the end of a word, merges, and the two marks last.
    tokens = [
        *singles,
        *(letter + _LAST for letter in singles),
        *(left + right for left, right in merges),
        _START,
        _END,
    ]
    return Vocabulary(
        ids={token: i for i, token in enumerate(tokens)},
        ranks={pair: i for i, pair in enumerate(merges)},
        letters=tuple(alphabet[byte] for byte in range(256)),
    )


def _alphabet() -> dict[int, str]:
    """Byte → the character that stands for it, in the order of the token ids.

    The visible characters of Latin-1 stand for themselves and come first; each of the others, in
    order, takes the next character after the first 256.
    """
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    visible += range(ord("®"), ord("ÿ") + 1)
    hidden = [byte for byte in range(256) if byte not in visible]
    return {b: chr(b) for b in visible} | {b: chr(256 + i) for i, b in enumerate(hidden)}


def _encode(text: str) -> list[int]:
    """Ids of a text's tokens, without the marks around it."""
    return [token for word in _words().findall(_clean(text)) for token in _encode_word(word)]


def _clean(text: str) -> str:
    """The text as CLIP's training had it: mended, unescaped, single blanks, small letters."""
    import ftfy  # a tenth of a second, and only texts need it

    # Twice, because web text is often escaped twice: "&amp;lt;" is "<".
    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()


@functools.cache
def _words() -> "regex.Pattern[str]":
    """The compiled pattern that parts a text into words."""
    import regex  # the standard re has no classes of letters and digits

    return regex.compile(_WORDS, regex.IGNORECASE)


@functools.cache
def _encode_word(word: str) -> tuple[int, ...]:
    """Ids of one word: its bytes, of which neighbours are merged as long as any merge is known."""
    ids, ranks, letters = vocabulary()
    if word in (_START, _END):
        return (ids[word],)
    symbols = [letters[byte] for byte in word.encode()]
    symbols[-1] += _LAST
    while len(symbols) > 1:
        # The most frequent merge first, wherever in the word: so the vocabulary was learnt.
        pairs = itertools.pairwise(symbols)
        first = min(pairs, key=lambda pair: ranks.get(pair, _MERGES))
        if first not in ranks:
            break
        symbols = _merge(symbols, first)
    return tuple(ids[symbol] for symbol in symbols)


def _merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """Joins every occurrence of the pair, from the left."""
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged
