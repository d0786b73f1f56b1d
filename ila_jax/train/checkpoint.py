"""Checkpoints of a run: the latest and the best, each with state, config and data position."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from ila_jax.config import Config, from_config, to_dict
from ila_jax.train.state import State
from ila_jax.weights.run import METRIC, manager


class Saved:
    """The latest checkpoint of a run, to go on from. Changes nothing."""

    def __init__(self, workdir: Path):
        self.directory = workdir / "checkpoints" / "latest"
        with self._open() as checkpoints:
            self.step = None if checkpoints is None else checkpoints.latest_step()

    def config(self) -> Config:
        """The configuration it was trained with."""
        return from_config(self._restore(run=ocp.args.JsonRestore())["run"]["config"])

    def state(self, like: State) -> State:
        """The state, with the structure, dtypes and sharding of `like`."""
        return self._restore(state=ocp.args.StandardRestore(like))["state"]

    def _restore(self, **items: ocp.args.CheckpointArgs) -> Any:
        with self._open() as checkpoints:
            assert checkpoints is not None, "asked for only when there is a step"
            return checkpoints.restore(self.step, args=ocp.args.Composite(**items))

    @contextlib.contextmanager
    def _open(self) -> Iterator[ocp.CheckpointManager | None]:
        if not self.directory.is_dir():
            yield None
            return
        with manager(self.directory, read_only=True, create=False) as checkpoints:
            yield checkpoints


class Checkpoints:
    """`latest/` and `best/` in a run's `checkpoints/`. Close it, or the last save may be lost.

    Two folders, because a step's score may come after its checkpoint: a run that is stopped while
    it validates saves first and validates when it goes on.
    """

    def __init__(self, directory: Path, *, keep_best: int):
        self.directory = directory
        best = policies.BestN(get_metric_fn=lambda metrics: metrics[METRIC], n=keep_best)
        # Of saves that were killed, nothing stays.
        options: dict[str, Any] = {"cleanup_tmp_directories": True, "create": True}
        with self._plain_words():
            self._latest = manager(
                directory / "latest", preservation_policy=policies.LatestN(1), **options
            )
            self._best = manager(directory / "best", preservation_policy=best, **options)

    def save(self, state: State, config: Config, class_names: Sequence[str]) -> None:
        """Copies the state and writes it in the background, if it is not saved already.

        Errors: OSError, also when the save before this failed.
        """
        if int(state["step"]) != self._latest.latest_step():
            with self._plain_words():
                # Its score is in the metrics: a run that goes on does not validate this step again.
                self._best.wait_until_finished()
            self._save(self._latest, state, config, class_names, None)

    def save_scored(
        self, state: State, config: Config, class_names: Sequence[str], top1: float
    ) -> None:
        """The same into `best/`, where only the best stay."""
        if int(state["step"]) not in self._best.all_steps():
            self._save(self._best, state, config, class_names, {METRIC: top1})

    def close(self) -> None:
        """Returns when all saves are on disk. Errors: OSError."""
        with self._plain_words():
            try:
                self._latest.close()
            finally:
                self._best.close()

    def _save(
        self,
        to: ocp.CheckpointManager,
        state: State,
        config: Config,
        class_names: Sequence[str],
        metrics: dict[str, float] | None,
    ) -> None:
        step = int(state["step"])
        run = {
            "config": to_dict(config),
            "class_names": list(class_names),
            "data_position": {"step": step, "clips": step * config.train.batch},
        }
        with self._plain_words():
            args = ocp.args.Composite(
                state=ocp.args.StandardSave(state), run=ocp.args.JsonSave(run)
            )
            to.save(step, args=args, metrics=metrics)

    @contextlib.contextmanager
    def _plain_words(self) -> Iterator[None]:
        """Turns what a failed write raises, of whatever type, into an OSError in words."""
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise OSError(
                f"a checkpoint could not be written to {self.directory}: {lines[0][:300]}. The "
                "ones before are whole. Make room or repair the disk, then run the same command "
                "again"
            ) from error
