"""What a benchmark of models found: one row for each model, as it is written and read as JSON."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ila_jax.config import Config
from ila_jax.files.json_files import json_text, read_object

FORMAT = 1  # of the file; a change of what a key means makes it 2
_KEYS = {"format", "machine", "rows"}
WHAT = "a result of python -m ila_jax.benchmark model"


@dataclass(frozen=True, kw_only=True)
class PassSpeed:
    """A training step, or a forward pass, of one batch on all devices together.

    seconds: of one, the median. spread: longest less shortest, as a part of the median.
    flops_per_clip: by formula. floor: seconds that it takes at least (`floor.py`). arguments,
    working: bytes of one device, by XLA's buffer assignment; None where it does not tell.
    parts: name, seconds and FLOP of one device, the longest first. buffers: the largest of what
    lies in the temporary memory when that is fullest. limiter: a sentence.
    """

    clips_per_second: float
    seconds: float
    spread: float
    flops_per_clip: int
    floor: float
    share_of_floor: float
    share_of_matmul: float
    tracing: float
    compile_cold: float
    compile_cached: float | None
    arguments: int | None
    working: int | None
    parts: list[dict[str, Any]]
    buffers: list[dict[str, Any]]
    limiter: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model. setting: all that makes its figures comparable, by key.

    matmul: FLOP/s of one device. bandwidth: bytes a second. macs: of one clip forward, by part, of
    the model as it is trained. mfu: of the maker's peak. memory: GiB, the most in use on a device
    since the command began; both None where that is not known.
    """

    setting: dict[str, Any]
    matmul: float
    bandwidth: float
    macs: dict[str, int]
    mfu: float | None
    memory: float | None
    training: PassSpeed
    inference: PassSpeed

    @property
    def name(self) -> str:
        """What tells it from the other rows of a result."""
        return row_name(self.setting)


@dataclass(frozen=True)
class Result:
    """machine: what it was measured on, and with which versions. rows: in their order."""

    machine: dict[str, Any]
    rows: list[Row]

    def as_json(self) -> str:
        """The text of the file."""
        values = {
            "format": FORMAT,
            "machine": self.machine,
            "rows": [dataclasses.asdict(row) for row in self.rows],
        }
        return json_text(values, indent=1)

    def row(self, name: str) -> Row | None:
        """The row of this name, if there is one."""
        return next((row for row in self.rows if row.name == name), None)


def read_result(path: Path) -> Result:
    """Reads what `as_json` wrote. Errors: OSError; ValueError for any other file."""
    values = read_object(path, _KEYS, WHAT)
    if values["format"] != FORMAT:
        raise ValueError(
            f"{path} has format {values['format']}, expected {FORMAT}: it is of another version of "
            "ila_jax. Measure again"
        )
    try:
        return Result(values["machine"], [_row(row) for row in values["rows"]])
    except (TypeError, KeyError) as error:
        raise ValueError(f"{path} is damaged ({error}): expected {WHAT}") from None


def _row(values: dict[str, Any]) -> Row:
    passes = {name: PassSpeed(**values[name]) for name in ("training", "inference")}
    return Row(**values | passes)


def setting(configuration: str, config: Config, classes: int) -> dict[str, Any]:
    """All of a configuration that its figures depend on. classes: of the text head."""
    # A linear head says itself how many classes it has.
    classes = config.model.classes or classes
    settings = {
        "configuration": configuration,
        "model": dataclasses.asdict(config.model) | {"classes": classes},
        "batch": config.train.batch,
        "accumulation": config.train.accumulation,
        "ema": config.train.ema,
        "groups": config.optimizer.groups,
        "optimizer": config.optimizer.name,
        "fsdp": config.mesh.fsdp,
    }
    # As a file gives it back: tuples are lists there.
    read_back: dict[str, Any] = json.loads(json.dumps(settings))
    return read_back


def row_name(setting: dict[str, Any]) -> str:
    """The name of a row: its configuration, and what `--temporal` and `--remat` change of it."""
    model = setting["model"]
    return f"{setting['configuration']} {model['temporal']} remat={model['remat']}"
