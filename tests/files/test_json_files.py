"""JSON that a command reads from another: what is no such file is told by its name."""

import json

import pytest

from ila_jax.files.json_files import read_object

WHAT = "what a fine-tuning was begun with"


def test_an_object_with_its_keys_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"options": {"é": 1}, "split": null, "more": 2}')
    assert read_object(tmp_path / "a.json", {"options", "split"}, WHAT)["options"] == {"é": 1}


@pytest.mark.parametrize("text", ["", '{"options": {', "\xff"])
def test_a_damaged_file_is_told(text, tmp_path):
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=rf"a\.json is damaged \(.*\): expected {WHAT}"):
        read_object(tmp_path / "a.json", {"options"}, WHAT)


@pytest.mark.parametrize("values", [[], "text", {"options": {}}])
def test_another_file_is_told_with_the_keys_that_it_lacks(values, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=rf"is not {WHAT}: .* object with options, split"):
        read_object(tmp_path / "a.json", {"split", "options"}, WHAT)


def test_a_file_that_is_gone_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_object(tmp_path / "a.json", {"options"}, WHAT)
