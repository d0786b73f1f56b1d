"""Configuration files: those that come with ila_jax by their name, all others by their path."""

import difflib
import importlib.util
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

Override = tuple[str, Any]  # a dotted key and its new value

_PACKAGE = Path(__file__).resolve().parents[1]


def read_config(name: str, overrides: Sequence[Override] = ()) -> dict[str, Any]:
    """The mapping of a configuration, with values changed.

    name: `quickstart` or `k400/b16_8f`, of those that come with ila_jax (`config_names`), else a
    file with get_config(); with `:TEXT` behind, TEXT is passed to get_config(). A name means the
    same in every folder: a file of the same name is taken as `./quickstart`.
    Errors: ValueError.
    """
    chosen, _, text = name.partition(":")
    path = _shipped().get(chosen, Path(chosen))
    if not path.is_file():
        raise ValueError(_missing(chosen))
    # A user's own file may raise whatever it likes.
    try:
        values = _run(path, text)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{chosen} gave no configuration: {reason}") from error
    for key, value in overrides:
        set_value(values, key, value)
    return values


def config_names() -> list[str]:
    """The names of the configurations that come with ila_jax."""
    return list(_shipped())


def _shipped() -> dict[str, Path]:
    """The files by name. What only helps them, such as a recipe, has no get_config()."""
    folder = _folder()
    # The texts are read, and nothing is run: a list of names must not import every configuration.
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob("*.py"))
        if "\ndef get_config(" in path.read_text("utf-8")
    }


def _folder() -> Path:
    """Where the configurations lie: in the installed package, and in a clone beside it."""
    installed = _PACKAGE / "configs"
    return installed if installed.is_dir() else _PACKAGE.with_name("configs")


def _name_shipped() -> None:
    """Lets a file start with `from ila_jax.configs.quickstart import get_config` in a clone, too.

    There an import does not look beside the package, where the configurations lie.
    """
    name, folder = "ila_jax.configs", _folder()
    if name in sys.modules or folder.parent == _PACKAGE:
        return
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)


def _missing(name: str) -> str:
    """What to say of a name that is neither shipped nor a file: the nearest names come first."""
    names = config_names()
    stem = name.removesuffix(".py").removeprefix("./").removeprefix("configs/")
    near = difflib.get_close_matches(stem, names, n=len(names))
    others = [other for other in names if other not in near]
    folder = "a folder, " if name and Path(name).is_dir() else ""
    return (
        f"{name!r} is {folder}no configuration: expected a file with get_config(), or one of "
        f"{', '.join([*near, *others])}"
    )


def _run(path: Path, text: str) -> dict[str, Any]:
    """What a file's get_config() returns, as a plain dict."""
    root, package = _package(path)
    with _importable(root, package):
        # A relative import asks for the package, which runpy takes from the name before the dot.
        run_name = f"{package}.configuration" if package else "configuration"
        make = runpy.run_path(str(path), run_name=run_name).get("get_config")
        if make is None:
            raise ValueError("it has no get_config()")
        config = make(text) if text else make()
    if not isinstance(config, ConfigDict):
        raise ValueError(f"get_config() returned {type(config).__name__}, expected a ConfigDict")
    values: dict[str, Any] = config.to_dict()
    return values


def _package(path: Path) -> tuple[Path, str]:
    """The folder that holds a file's outermost package, and the dotted name of its own or ""."""
    root, parts = path.resolve().parent, []
    while (root / "__init__.py").is_file():
        parts.append(root.name)
        root = root.parent
    return root, ".".join(reversed(parts))


@contextmanager
def _importable(root: Path, package: str) -> Iterator[None]:
    """Lets a configuration import its neighbours, from any directory.

    The folder of its package comes first on the path while the file runs.
    """
    _name_shipped()
    # First, or a package of the same name elsewhere would be imported.
    sys.path.insert(0, str(root))
    try:
        with _alone(root, package.partition(".")[0]):
            yield
    finally:
        sys.path.remove(str(root))


@contextmanager
def _alone(root: Path, top: str) -> Iterator[None]:
    """Lets another imported package of this name, such as somebody's own `configs`, step aside.

    Nothing happens to one that was imported from here already, as an installed ila_jax was.
    """
    if not top or root / top in map(Path, getattr(sys.modules.get(top), "__path__", ())):
        yield
        return
    # What the file imports under this name is forgotten again, too: the next one may have its own.
    aside = _take_out(top)
    try:
        yield
    finally:
        _take_out(top)
        sys.modules.update(aside)


def _take_out(top: str) -> dict[str, ModuleType]:
    """Forgets what is imported of a package, and gives it."""
    names = [name for name in sys.modules if name.partition(".")[0] == top]
    return {name: sys.modules.pop(name) for name in names}


def set_value(values: dict[str, Any], key: str, value: Any) -> None:
    """Sets a dotted key; one that is not there is left for `from_config` to name."""
    *sections, last = key.split(".")
    for section in sections:
        if not isinstance(values.get(section), dict):
            raise ValueError(
                f"--config.{key}: no section {section!r}, there are {', '.join(values)}"
            )
        values = values[section]
    values[last] = value
