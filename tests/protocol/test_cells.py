"""A column of the table of results is called by what tells its run from the others of the row."""

import dataclasses

from ila_jax.protocol.cells import Cell, columns

CELL = Cell("4 clips a class", 1, None, None, 40, several_labels=False)


def named(*changes):
    return columns([dataclasses.replace(CELL, **change) for change in changes])


def test_columns_are_called_by_what_differs():
    assert named({"split": 1}, {"split": 2}) == ["split 1", "split 2"]
    assert named({"seed": 0}, {"seed": 1}) == ["split 1, seed 0", "split 1, seed 1"]
    assert named({"seed": 3, "list_name": "a"}, {"seed": 3, "list_name": "a", "split": 2}) == [
        "split 1",
        "split 2",
    ]
    several = named({"seed": 0, "list_name": "a"}, {"seed": 1, "list_name": "b"}, {"seed": 1})
    assert several == ["split 1, seed 0, a", "split 1, seed 1, b", "split 1, seed 1"]


def test_cells_are_ordered_by_split_and_then_by_seed():
    cells = [dataclasses.replace(CELL, split=s, seed=seed) for s, seed in ((2, 0), (1, 5), (1, 2))]
    assert [cell.place for cell in sorted(cells, key=lambda cell: cell.place)] == [
        (1, 2, ""),
        (1, 5, ""),
        (2, 0, ""),
    ]
