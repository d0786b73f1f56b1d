"""Which cell of the table of results a run is, and the file in its folder that says so."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ila_jax.files.json_files import read_object
from ila_jax.files.publish import publish_text


@dataclass(frozen=True)
class Cell:
    """A place in the table of results.

    row: what it is a measurement of, as "4 clips a class". split: the number of the data set's.
    seed: of the training; list_name: of the few-shot list that was given; None where there is none.
    clips: how many are trained on. several_labels: whether a clip may have any number of classes.
    """

    row: str
    split: int
    seed: int | None
    list_name: str | None
    clips: int
    several_labels: bool

    @property
    def place(self) -> tuple[int, int, str]:
        """What cells of a row are ordered by."""
        return self.split, self.seed or 0, self.list_name or ""


def columns(cells: Sequence[Cell]) -> list[str]:
    """What tells cells of one row apart: the split, and the seed or the list where they differ."""
    several_seeds = len({cell.seed for cell in cells}) > 1
    several_lists = len({cell.list_name for cell in cells}) > 1
    names = []
    for cell in cells:
        parts = [f"split {cell.split}"]
        if several_seeds:
            parts.append(f"seed {cell.seed}")
        if several_lists and cell.list_name is not None:
            parts.append(cell.list_name)
        names.append(", ".join(parts))
    return names


def keep_cell(folder: Path, cell: Cell) -> None:
    """Writes which cell the run in a folder is, for commands that ask for other runs.

    Errors: OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    publish_text(_file(folder), json.dumps(dataclasses.asdict(cell), indent=1) + "\n")


def kept_cells(folder: Path) -> dict[Path, Cell]:
    """The cells of all runs that were begun in the folder of a protocol, by their folders.

    Errors: OSError; ValueError for a damaged file.
    """
    names = {field.name for field in dataclasses.fields(Cell)}
    cells = {}
    for path in sorted(folder.glob(f"*/{_file(Path()).name}")):
        values = read_object(path, names, "which run of a protocol this is")
        cells[path.parent] = Cell(**{name: values[name] for name in names})
    return cells


def _file(folder: Path) -> Path:
    return folder / "cell.json"
