"""Text files that people write: read whole, and what is wrong with them told all at once."""

from collections.abc import Sequence
from pathlib import Path

_SHOWN = 10


def read_text(path: str | Path, what: str) -> str:
    """The text of a file. what: says in an error what was expected there.

    Errors: FileNotFoundError; ValueError for a folder, or where the text is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} does not exist: expected {what}. Check the path."
        ) from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder: expected {what}. Name the file.") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text (byte {error.start}): expected {what}. Convert it."
        ) from None


def listed(heading: str, problems: Sequence[str]) -> str:
    """A heading with the first problems under it, and how many more there are."""
    more = len(problems) - _SHOWN
    lines = [*problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
    return f"{heading}:\n  " + "\n  ".join(lines)
