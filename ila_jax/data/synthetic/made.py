"""Whether a folder holds a drawn data set already, and the one that is asked for."""

from pathlib import Path
from typing import Any

from ila_jax.files.json_files import read_object


def is_there(target: Path, file: str, what: str) -> bool:
    """Whether a folder holds a data set, by its file of settings.

    what: the data set, such as "a motion-pairs data set". Errors: ValueError when the folder holds
    something else.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    if not (target / file).is_file():
        raise ValueError(f"{target} exists and is not {what}: name a folder that does not exist")
    return True


def check_settings(target: Path, file: str, settings: dict[str, Any], what: str) -> None:
    """Compares the settings of a data set with those that are asked for.

    Errors: ValueError that names those that differ.
    """
    stored = read_object(target / file, settings.keys(), f"the settings of {what}")
    differences = [
        f"{key} is {stored.get(key)!r} there and {value!r} asked for"
        for key, value in settings.items()
        if stored.get(key) != value
    ]
    if differences:
        raise ValueError(
            f"{target} holds {what} with other settings ({'; '.join(differences)}): ask for "
            "those, name another folder, or delete this one"
        )
