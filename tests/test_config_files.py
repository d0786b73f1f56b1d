"""Configurations are found by name from any folder, or by path, with what they import."""

import subprocess
import sys
from pathlib import Path

import pytest

from ila_jax.config import config_names, read_config

ROOT = Path(__file__).parents[1]
MADE = """
from ml_collections import ConfigDict

def get_config(text="none"):
    return ConfigDict({"text": text})
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another folder than the clone's."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_names_are_those_of_the_files_that_make_a_run():
    files = [path.relative_to(ROOT / "configs") for path in (ROOT / "configs").rglob("*.py")]
    helpers = {"__init__.py", "paper.py", "recipe.py"}
    expected = {str(file.with_suffix("")) for file in files if file.name not in helpers}
    assert set(config_names()) == expected
    assert {"quickstart", "ablation", "k400/b16_8f", "ssv2/l14_336_16f"} < expected


@pytest.mark.parametrize("name", config_names())
def test_a_name_is_the_file_in_configs(name, elsewhere):
    assert read_config(name) == read_config(f"{ROOT}/configs/{name}.py")


def test_a_name_takes_an_argument_and_overrides(elsewhere):
    values = read_config("ablation:xclip", [("train.steps", 3)])
    assert (values["model"]["temporal"], values["train"]["steps"]) == ("xclip", 3)


def test_a_file_takes_an_argument(tmp_path):
    path = tmp_path / "choice.py"
    path.write_text(MADE)
    assert read_config(f"{path}:small") == {"text": "small"}
    assert read_config(str(path)) == {"text": "none"}


OWN = """
from ila_jax.configs.k400.b16_8f import get_config as paper

def get_config():
    config = paper()
    config.model.temporal = "divided"
    return config
"""


def test_a_file_starts_from_a_shipped_configuration_by_the_package_name(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "ila_jax.configs", raising=False)
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    expected = read_config("k400/b16_8f", [("model.temporal", "divided")])
    assert read_config(str(path)) == expected


def test_a_name_means_the_same_where_a_file_or_folder_has_it_too(elsewhere):
    (elsewhere / "quickstart").write_text(MADE)
    (elsewhere / "k400/b16_8f").mkdir(parents=True)
    assert read_config("quickstart")["model"]["size"] == "tiny"
    assert read_config("k400/b16_8f")["model"]["size"] == "B/16"
    assert read_config("./quickstart") == {"text": "none"}


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("quikstart", "quickstart, "),
        ("configs/quickstart.py", "quickstart, "),  # of no clone
        ("k400/b16_8", "k400/b16_8f, "),
        ("k400/b16_8f.py", "k400/b16_8f, "),
        ("b32_8f", "k400/b32_8f, "),
        ("", "ablation, "),
    ],
)
def test_an_unknown_name_lists_the_known_ones_the_near_ones_first(name, first, elsewhere):
    with pytest.raises(ValueError, match="is no configuration: expected a file") as error:
        read_config(name)
    found = str(error.value).partition("or one of ")[2]
    assert found.startswith(first)
    assert sorted(found.split(", ")) == sorted(config_names())


def test_a_folder_is_told_from_a_file(elsewhere):
    (elsewhere / "k400").mkdir()
    with pytest.raises(ValueError, match="'k400' is a folder, no configuration"):
        read_config("k400")


def test_what_only_helps_configurations_is_none(elsewhere):
    for name in ("paper", "k400/recipe", "__init__"):
        with pytest.raises(ValueError, match="is no configuration"):
            read_config(name)


def package(folder: Path, text: str) -> Path:
    """A package `configs` as somebody's own repository may have it; gives its configuration."""
    (folder / "configs/mine").mkdir(parents=True)
    for init in ("configs", "configs/mine"):
        (folder / init / "__init__.py").write_text("")
    (folder / "configs/shared.py").write_text(MADE.replace("none", text))
    (folder / "configs/mine/one.py").write_text("from ..shared import get_config")
    (folder / "configs/mine/two.py").write_text("from configs.shared import get_config")
    return folder / "configs/mine"


def test_packages_of_one_name_keep_to_their_own_neighbours(tmp_path):
    first, second = package(tmp_path / "a", "first"), package(tmp_path / "b", "second")
    before, path = set(sys.modules), list(sys.path)
    for file in ("one.py", "two.py"):
        assert read_config(str(first / file)) == {"text": "first"}
        assert read_config(str(second / file)) == {"text": "second"}
        assert read_config("ssv2/b16_8f")["model"]["classes"] == 174
    assert sys.path == path
    assert not [name for name in set(sys.modules) - before if name.startswith("configs")]


def test_a_package_that_is_imported_already_is_not_imported_twice(tmp_path):
    """A program may read the configurations of its own package, whose state is one."""
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "state.py").write_text("value = 'as imported'")
    (folder / "config.py").write_text(
        MADE + "\nfrom .state import value\nget_config.__defaults__ = (value,)"
    )
    code = (
        "import program.state, sys; program.state.value = 'changed'\n"
        "from ila_jax.config import read_config\n"
        f"print(read_config({str(folder / 'config.py')!r})['text'], 'program' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "changed True"


def test_a_neighbour_without_a_package_is_found_from_any_folder(tmp_path, elsewhere):
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "shared_values_of_mine.py").write_text(MADE)
    (folder / "run.v2.py").write_text("from shared_values_of_mine import get_config")
    assert read_config(str(folder / "run.v2.py")) == {"text": "none"}


@pytest.mark.parametrize("raised", ["SystemExit(3)", "SystemExit", "RuntimeError('full')"])
def test_whatever_a_file_raises_is_told(raised, tmp_path):
    (tmp_path / "mine.py").write_text(f"raise {raised}")
    with pytest.raises(ValueError, match=rf"mine\.py gave no configuration: {raised[:7]}"):
        read_config(str(tmp_path / "mine.py"))
