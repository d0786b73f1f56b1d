"""A run's metrics on Weights & Biases: only where a configuration asks for it."""

import importlib.util
import uuid
from pathlib import Path
from typing import Any


def check(project: str | None) -> None:
    """Errors: ValueError when a project is named and the package is missing."""
    if project is not None and importlib.util.find_spec("wandb") is None:
        raise ValueError(
            f"train.wandb is {project!r}, and Weights & Biases is not installed: "
            "pip install 'ila-jax[wandb]', or --config.train.wandb=None"
        )


class Board:
    """The run of a folder in a project; a run that goes on goes on there.

    The environment variable WANDB_MODE says where it writes to: `offline` writes into the folder
    alone. Errors: ValueError when it cannot be started, such as without `wandb login`.
    """

    def __init__(self, project: str, workdir: Path, config: dict[str, Any]):
        import wandb

        try:
            self._run = wandb.init(
                project=project,
                name=workdir.resolve().name,
                dir=str(workdir),
                # The same identity at every start, or a run that goes on would be a new one.
                id=_identity(workdir / "wandb" / "id"),
                resume="allow",
                config=config,
                # Its copy of the terminal would break the progress bar into lines.
                settings=wandb.Settings(console="off", silent=True),
            )
        except wandb.errors.Error as error:
            raise ValueError(
                f"Weights & Biases could not be started: {error}. Log in by `wandb login`, set "
                "WANDB_MODE=offline, or --config.train.wandb=None"
            ) from error

    def write(self, step: int, values: dict[str, float]) -> None:
        """Sends the values of a step. The service leaves out those of steps that it has already."""
        self._run.log(values, step=step)

    def close(self) -> None:
        """Sends what is left, and ends the run on the service."""
        self._run.finish()


def _identity(path: Path) -> str:
    """The name by which the service knows the run of a folder, made once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(uuid.uuid4().hex[:8])
    return path.read_text()
