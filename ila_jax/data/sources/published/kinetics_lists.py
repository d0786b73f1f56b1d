"""Kinetics-400, -600 and -700: the folder with `train.csv`, `validate.csv` and others."""

from collections.abc import Sequence

from ila_jax.data.sources.kinetics import is_kinetics, open_kinetics
from ila_jax.data.sources.published.listed import required_file
from ila_jax.data.sources.published.parts import folder_and_part
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.files.text_files import check_unicode, read_text

_EXPECTED = "Kinetics' CSV with the columns label, youtube_id, time_start and time_end"
_FILES = {"train": ("train.csv",), "validation": ("validate.csv", "val.csv")}


def open_kinetics_lists(rest: str, root: str, class_names: Sequence[str] | None) -> OpenedSplit:
    """The clips of a part of Kinetics, as `open_kinetics` finds them. rest: `FOLDER@train`.

    Errors: FileNotFoundError; ValueError.
    """
    folder, part = folder_and_part("kinetics", rest)
    path = required_file(folder, *_FILES[part])
    text = read_text(path, _EXPECTED, raw=True)
    check_unicode(path, text, _EXPECTED)
    if not is_kinetics(text):
        first = text.strip().partition("\n")[0]
        raise ValueError(f"{path}: expected {_EXPECTED}, found a first line {first[:80]!r}")
    return open_kinetics(path, text, root, class_names)
