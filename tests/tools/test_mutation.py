"""Mutants are where the syntax says, and count as killed by a test that fails alone."""

import argparse
import ast
import json
from pathlib import Path

import pytest

from tools.mutation import __main__ as mutation
from tools.mutation.mutants import mutants

SOURCE = '''
"""A docstring with 1 + 1."""
def shares(ä: int = 3, *parts: "b 2") -> "b 4":
    if not parts or (ä) <= ä - True:
        raise ValueError("at least", 5)
    return pow(parts[:ä], len(parts))
'''.lstrip().encode()


def test_every_part_with_a_behaviour_has_its_mutants():
    expected = [
        ("3", "(3 + 1)"),
        ("3", "(3 - 1)"),
        ("or", "and"),
        ("not parts", "bool(parts)"),
        ("<=", "<"),
        ("-", "+"),
        ("True", "False"),
        ("pow(parts[:ä], len(parts))", "None"),
        ("parts[:ä], len(parts)", "len(parts), parts[:ä]"),
        ("ä", "(ä) + 1"),
    ]
    assert [(mutant.old, mutant.new) for mutant in mutants("shares.py", SOURCE)] == expected


def test_a_mutant_is_the_file_with_that_part_replaced():
    for mutant in mutants("shares.py", SOURCE):
        assert SOURCE[mutant.start : mutant.end].decode() == mutant.old
        changed = SOURCE[: mutant.start] + mutant.new.encode() + SOURCE[mutant.end :]
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(SOURCE))
        assert SOURCE[: mutant.start].count(b"\n") + 1 == mutant.line


def test_a_sample_depends_on_its_seed_alone():
    root, prefixes = Path(), ["ila_jax/train/schedules.py", "ila_jax/scoring/"]
    drawn = mutation.sample(root, prefixes, 20, seed=1)
    assert drawn == mutation.sample(root, reversed(prefixes), 20, seed=1)
    assert drawn != mutation.sample(root, prefixes, 20, seed=2)
    assert len(set(drawn)) == 20
    assert {mutant.path.split("/")[1] for mutant in drawn} == {"train", "scoring"}


def test_the_table_names_files_and_tests():
    for table in mutation._ROOMS.values():
        for prefix in table:
            assert Path(prefix).exists()
            assert all(Path(test).is_file() for test in mutation.tests_of(Path(), prefix, table))


def test_tests_of_a_files_own_name_come_first():
    table = mutation._ROOMS["sampling"]
    first, second, *_ = mutation.tests_of(Path(), "ila_jax/data/clips/order.py", table)
    assert first == "tests/data/clips/test_order.py"
    assert "order" in Path(second).read_text()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A clone with one function, of whose two numbers the tests look at one."""
    (tmp_path / "numbered.py").write_text("def numbers():\n    return {'tried': 1, 'untried': 2}\n")
    (tmp_path / "test_code.py").write_text(
        "import numbered\n\ndef test_it():\n    assert numbered.numbers()['tried'] == 1\n"
    )
    monkeypatch.setattr(mutation, "_ROOMS", {"all": {"numbered.py": "test_code.py"}})
    return tmp_path


def options(tmp_path, **changes):
    values = {"results": tmp_path / "r.json", "rooms": ["all"], "count": 9, "seed": 0}
    return argparse.Namespace(**values | {"limit": 600.0, "passed": True} | changes)


def test_what_a_test_looks_at_is_killed_and_the_file_is_as_before(project):
    source = (project / "numbered.py").read_bytes()
    assert mutation._run(project, options(project)) == {"killed": 3, "survived": 2}
    assert (project / "numbered.py").read_bytes() == source
    outcomes = json.loads((project / "r.json").read_text())
    assert {text.split(": ")[1][0] for text, one in outcomes.items() if one == "survived"} == {"2"}


def test_what_was_killed_is_not_tried_again(project, monkeypatch):
    drawn = [
        str(mutant) for mutant in mutants("numbered.py", (project / "numbered.py").read_bytes())
    ]
    (project / "r.json").write_text(json.dumps(dict.fromkeys(drawn[:-1], "killed")))
    tried = []
    monkeypatch.setattr(
        mutation, "outcome_of", lambda mutant, *_: tried.append(str(mutant)) or "survived"
    )
    assert mutation._run(project, options(project)) == {"killed": 4, "survived": 1}
    assert tried == drawn[-1:]


def test_tests_that_never_end_are_not_counted_as_killed(project):
    (project / "test_code.py").write_text("import threading\nthreading.Event().wait()\n")
    assert mutation.outcome(project, ["test_code.py"], limit=0.5) == "timed out"


def test_tests_that_fail_without_a_mutant_say_so(project):
    (project / "test_code.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(ValueError, match=r"without a mutant: expected tests that pass .*test_code"):
        mutation._run(project, options(project, passed=False))
