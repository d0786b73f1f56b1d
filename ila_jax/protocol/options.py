"""What a user asks of a protocol, and the folder that remembers it."""

import dataclasses
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ila_jax.config import Override
from ila_jax.data.sources.published.parts import SPLITS
from ila_jax.files.json_files import read_object
from ila_jax.files.publish import publish_text
from ila_jax.finetune.options import check_same_options
from ila_jax.protocol.protocols import FEW_SHOT, ZERO_SHOT, check_used
from ila_jax.weights.foreign.hub import PREFIX

# What drawn lists follow from, and what they are of.
_OF_LISTS = ("protocol", "data", "root", "class_names")
# What only adds runs, or changes no result: it may be another one when the command goes on.
_FREE = ("workdir", "splits", "shots", "seeds", "lists", "plan", "no_cache", "device_memory")
# What options that are no --NAME are called on the command line.
_WORDS = {"protocol": "PROTOCOL", "data": "DATA", "overrides": "--config.KEY=VALUE"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments of the command, by their names; None where the command is to decide.

    overrides: of the configurations that it makes, (dotted key, value).
    """

    protocol: str
    data: str
    weights: str
    workdir: Path
    root: str = ""
    class_names: str | None = None
    splits: tuple[int, ...] | None = None
    shots: tuple[int, ...] = (2, 4, 8, 16)
    seeds: tuple[int, ...] = (0,)
    lists: tuple[str, ...] = ()
    recipe: str = "full"
    blocks: int | None = None
    temporal: str | None = None
    frames: int | None = None
    resolution: int | None = None
    epochs: float | None = None
    batch: int | None = None
    rate: float | None = None
    clips: int = 4
    crops: int = 3
    device_memory: str | None = None
    plan: bool = False
    no_cache: bool = False
    overrides: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        """Errors: ValueError for what does not go together."""
        kind, colon, folder = self.data.partition(":")
        if kind not in SPLITS or not colon or not folder:
            names = ", ".join(f"{name}:FOLDER" for name in SPLITS)
            raise ValueError(f"{self.data}: expected one of {names}, without @PART behind it")
        if self.protocol != ZERO_SHOT and SPLITS[kind][0].train is None:
            raise ValueError(f"{kind} has no clips to train on: it is for zero-shot alone")
        if unknown := set(self.chosen_splits) - {split.number for split in SPLITS[kind]}:
            raise ValueError(
                f"--splits {min(unknown)}: expected numbers from 1 to {len(SPLITS[kind])}, the "
                f"splits of {kind}"
            )
        for name in ("shots", "clips", "crops"):
            values = getattr(self, name)
            if min(values if isinstance(values, tuple) else (values,)) < 1:
                raise ValueError(f"--{name}: expected numbers from 1 on")
        if min(self.seeds) < 0:
            raise ValueError("--seeds: expected numbers from 0 on")
        fields = dataclasses.fields(self)
        options = [field.name for field in fields if getattr(self, field.name) != field.default]
        check_used(self.protocol, options, self.overrides)
        if self.lists:
            self._check_lists(options)

    def _check_lists(self, options: Collection[str]) -> None:
        """Errors: ValueError for what does not go with lists. options: names of the given ones."""
        if len(self.chosen_splits) > 1:
            raise ValueError(
                f"--lists with {len(self.chosen_splits)} splits: expected one of --splits, whose "
                "training clips the lists are of"
            )
        if "shots" in options:
            raise ValueError("--shots changes nothing with --lists, which have their own clips")

    @property
    def kind(self) -> str:
        """Which data set it is."""
        return self.data.partition(":")[0]

    @property
    def source(self) -> str:
        """The data set as sources are named, without the part, wherever the command is typed."""
        kind, _, folder = self.data.partition(":")
        return f"{kind}:{Path(folder).absolute()}"

    @property
    def videos(self) -> str:
        """The folder of the videos in full."""
        return str(Path(self.root).absolute())

    @property
    def weights_in_full(self) -> str:
        """The weights wherever the command is typed, also of a run with its `@STEP`."""
        if self.weights.startswith(PREFIX):
            return self.weights
        return str(Path(self.weights).absolute())

    @property
    def names_file(self) -> str | None:
        """The file of class names in full; None for the data set's own names."""
        return None if self.class_names is None else str(Path(self.class_names).absolute())

    @property
    def chosen_splits(self) -> tuple[int, ...]:
        """The numbers of the splits: as asked for, else all; in few-shot the first, as X-CLIP."""
        if self.splits is not None:
            return self.splits
        numbers = tuple(split.number for split in SPLITS[self.kind])
        return numbers[:1] if self.protocol == FEW_SHOT else numbers


class Folder:
    """The folder of a protocol: what is where in it, and what it was begun with."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.lists = self.path / "lists"
        self.state = self.path / "protocol.json"
        self.results = self.path / "results.json"
        self.table = self.path / "results.md"

    def check(self, options: Options) -> None:
        """Checks that the folder is this protocol's, or may become it.

        Errors: ValueError naming each option that is another one now.
        """
        if not self.state.exists():
            return
        check_same_options(self.path, self._options(), _as_json(options), _WORDS)

    def _options(self) -> dict[str, Any]:
        """The options that are remembered. Errors: OSError; ValueError for a damaged file."""
        what = "what a protocol was begun with"
        options = read_object(self.state, {"options"}, what)["options"]
        if not isinstance(options, dict):
            raise ValueError(
                f"{self.state} is not {what}: expected options by their names, found "
                f"{str(options)[:60]}; give another --workdir"
            )
        return options

    def remember_lists(self, options: Options) -> None:
        """Remembers what drawn lists are of, where nothing is remembered yet. Errors: OSError."""
        if not self.state.exists():
            self._remember(options, _OF_LISTS)

    def remember(self, options: Options) -> None:
        """Remembers everything that results follow from. Errors: OSError."""
        self._remember(options, [name for name in _as_json(options) if name not in _FREE])

    def _remember(self, options: Options, names: Iterable[str]) -> None:
        values = _as_json(options)
        values = {name: values[name] for name in names}
        self.path.mkdir(parents=True, exist_ok=True)
        publish_text(self.state, json.dumps({"options": values}, indent=1) + "\n")


def _as_json(options: Options) -> dict[str, Any]:
    """The options as JSON gives them back; paths of the data in full, wherever one types them."""
    values = dataclasses.asdict(options) | {
        "data": options.source,
        "root": options.videos,
        "class_names": options.names_file,
        "weights": options.weights_in_full,
    }
    # Through JSON, as the other side went: tuples become lists.
    read: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return read
