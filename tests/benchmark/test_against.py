"""A result of a benchmark of models in its file, and beside an earlier one."""

import pytest

from ila_jax.benchmark.against import against_table, check_comparable, differences
from ila_jax.benchmark.result import read_result, setting
from ila_jax.config import from_config, read_config
from tests.benchmark.made_up import MACHINE, faster, result, row


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / "a.json"
    written = result(row(), row(("model.temporal", "spatial")))
    path.write_text(written.as_json())
    assert read_result(path) == written


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is damaged"),
        ("{}", "is not a result of python -m ila_jax.benchmark model"),
        ('{"format": 9, "machine": {}, "rows": []}', "has format 9, expected 1"),
        ('{"format": 1, "machine": {}, "rows": [{"x": 1}]}', "is damaged ('training')"),
    ],
)
def test_other_files_are_refused(tmp_path, text, words):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="expected") as error:
        read_result(path)
    assert words in str(error.value)


def test_what_differs_is_named():
    mine, batch = row(), row(("train.batch", 4))
    other = result(batch, device="another chip")
    assert differences(other, MACHINE, [mine.setting]) == [
        "device: a chip here, another chip there",
        f"batch: {mine.setting['batch']} here, 4 there",
    ]
    spatial = row(("model.temporal", "spatial"))
    assert differences(result(mine), MACHINE, [spatial.setting]) == [
        "no row k400/b32_8f spatial remat=none there, but k400/b32_8f ila remat=none"
    ]
    precise = row(("model.precision", "float64"))
    assert differences(result(precise), MACHINE, [mine.setting]) == [
        f"model.precision: {mine.setting['model']['precision']} here, float64 there"
    ]


def test_a_linear_head_has_the_classes_that_it_has():
    config = from_config(read_config("ssv2/b16_8f", [("model.classes", 8)]))
    assert setting("ssv2/b16_8f", config, 400) == setting("ssv2/b16_8f", config, 8)
    assert setting("ssv2/b16_8f", config, 400)["model"]["classes"] == 8


def test_another_version_of_jax_is_what_people_compare(tmp_path):
    mine = row()
    check_comparable(tmp_path, result(mine, jax="0.0"), MACHINE, [mine.setting])
    with pytest.raises(ValueError, match=r"is of something else: cores: 2 here, 4 there\. Measure"):
        check_comparable(tmp_path, result(mine, cores=4), MACHINE, [mine.setting])


def test_ratios_are_now_through_then(tmp_path):
    before = row()
    table = against_table(result(faster(before, 2), jax="0.2"), result(before), tmp_path)
    (cells,) = table.cells
    assert cells == [before.name, "2.00", "1.00", "1.00", "1.00", "1.00", "1.00"]
    assert table.notes[-1] == "Unlike: jax: 0.2 here, 0.1 there."


def test_one_row_is_compared_with_the_other_one(tmp_path):
    before = row(("model.temporal", "spatial"))
    table = against_table(result(faster(row(), 3)), result(before), tmp_path)
    assert [cells[1] for cells in table.cells] == ["3.00"]
