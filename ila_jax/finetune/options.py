"""What a user asks of a fine-tuning, and the folder that remembers it."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ila_jax.config import Override
from ila_jax.files.json_files import read_object
from ila_jax.files.publish import checksum, publish_text

# What the split follows from. All others follow when training begins.
_OF_SPLIT = ("videos", "root", "validation", "test", "seed", "merge_labels")
# What changes no result, and may be another one when the command goes on.
_FREE = ("workdir", "processes", "plan", "no_cache", "device_memory")
# What options that are no --NAME are called on the command line.
_WORDS = {"videos": "VIDEOS", "overrides": "--config.KEY=VALUE"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of the command, by their names; None where the command is to decide.

    overrides: of the configuration that it makes, (dotted key, value).
    """

    videos: str
    workdir: Path
    weights: str | None = None
    recipe: str = "full"
    root: str = ""
    merge_labels: bool = False
    validation: float = 0.2
    test: float = 0.0
    seed: int = 0
    size: str | None = None
    temporal: str | None = None
    frames: int | None = None
    resolution: int | None = None
    epochs: float | None = None
    batch: int | None = None
    rate: float | None = None
    balance: str | None = None
    blocks: int | None = None
    patience: int = 15
    clips: int = 4
    crops: int = 3
    device_memory: str | None = None
    processes: int = 1
    plan: bool = False
    no_cache: bool = False
    overrides: tuple[Override, ...] = ()


class Folder:
    """The folder of a fine-tuning: what is where in it, and what it was begun with."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.split = self.path / "split.csv"
        self.weights = self.path / "weights"
        self.config = self.path / "config.py"
        self.run = self.path / "run"
        self.evaluation = self.path / "evaluation"
        self.test = self.path / "test"
        self.card = self.path / "card.md"
        self.state = self.path / "finetune.json"

    def check(self, options: Options) -> None:
        """Checks that the folder is this fine-tuning's, or may become it.

        Errors: ValueError naming each option that is another one now, and for a split that was
        edited after training had begun.
        """
        if (self.path / "config.json").exists():
            raise ValueError(
                f"{self.path} holds a run of python -m ila_jax.train: give another --workdir"
            )
        began, now = self._state(), _as_json(options)
        check_same_options(self.path, began["options"], now, _WORDS)
        if began["split"] is not None and began["split"] != self._digest():
            raise ValueError(
                f"{self.split} was edited after training had begun: give another --workdir, with "
                "the edited file copied into it"
            )

    @property
    def training_began(self) -> bool:
        """Whether all is decided: from then on options and split stay as they are."""
        return self._state()["split"] is not None

    def remember_split(self, options: Options) -> None:
        """Remembers what the split was made with. Errors: OSError."""
        self._remember(options, _OF_SPLIT, split=None)

    def remember_all(self, options: Options) -> None:
        """Remembers everything that results follow from, as training begins. Errors: OSError."""
        names = [f.name for f in dataclasses.fields(options) if f.name not in _FREE]
        self._remember(options, names, split=self._digest())

    def _remember(self, options: Options, names: Iterable[str], *, split: str | None) -> None:
        now = _as_json(options)
        state = {"options": {name: now[name] for name in names}, "split": split}
        publish_text(self.state, json.dumps(state, indent=1) + "\n")

    def _state(self) -> dict[str, Any]:
        if not self.state.exists():
            return {"options": {}, "split": None}
        return read_object(self.state, {"options", "split"}, "what a fine-tuning was begun with")

    def _digest(self) -> str:
        """The fingerprint of the split's file; of a file that is gone, that of nothing."""
        return checksum(self.split)[1] if self.split.exists() else ""


def _as_json(options: Options) -> dict[str, Any]:
    """The options as JSON gives them back. The videos' path in full, wherever one types it."""
    values = dataclasses.asdict(options)
    values["workdir"] = str(options.workdir)
    values["videos"] = str(Path(options.videos).absolute())
    # Through JSON, as the other side went: tuples become lists.
    read: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return read


def check_same_options(
    folder: Path, began: Mapping[str, Any], now: Mapping[str, Any], words: Mapping[str, str]
) -> None:
    """Checks that a command goes on in a folder with the options that it was begun with there.

    began, now: options by name, as JSON gives them back. words: how those are called on the command
    line that are no --NAME. Errors: ValueError naming each option that is another one now.
    """
    changed = [
        f"{words.get(name, _flag(name))}: {value!r} there, {now.get(name)!r} here"
        for name, value in began.items()
        if value != now.get(name)
    ]
    if changed:
        raise ValueError(
            f"{folder} was begun with other options:\n  " + "\n  ".join(changed) + "\nGive "
            "the options that it was begun with, and it goes on; or another --workdir"
        )


def _flag(name: str) -> str:
    """What an option is called on the command line, unless it has a word of its own."""
    return f"--{name.replace('_', '-')}"
