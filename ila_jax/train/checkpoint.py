"""Checkpoints of a run: the latest and the best, each with state, config and data position."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
import tensorstore as ts
from jax.experimental import multihost_utils
from orbax.checkpoint import checkpoint_managers as policies

from ila_jax.config import Config, from_config, to_dict
from ila_jax.files.lock import only_writer
from ila_jax.files.plain_name import plain_name
from ila_jax.files.writable import not_written
from ila_jax.job.heartbeat import is_of_jax
from ila_jax.job.processes import is_first, wait_for_all
from ila_jax.train.state import State
from ila_jax.weights.checksums import damage, unfinished, write_list
from ila_jax.weights.run import manager, score, steps

# One to go on from, and the one before, should it turn out to be damaged.
_LATEST = 2
# A file of this name stands beside a step from before its save to after its list of checksums: what
# is not finished there was killed, and has never counted.
_SAVING = ".saving"


class Saved:
    """The newest whole checkpoint of a run, to go on from. It changes nothing in the folder.

    step: None when no save has been finished. say: is told of each checkpoint that is passed over.
    Errors: ValueError when there are checkpoints, and all are damaged.
    """

    def __init__(self, workdir: Path, say: Callable[[str], None]):
        self.directory = workdir / "checkpoints" / "latest"
        # Every process has to go on from the same step.
        self.step = _agreed(lambda: self._newest(say))

    def config(self) -> Config:
        """The configuration it was trained with."""
        return from_config(self._restore(run=ocp.args.JsonRestore())["run"]["config"])

    def state(self, like: State) -> State:
        """The state, with the structure, dtypes and sharding of `like`."""
        state: State = self._restore(state=ocp.args.StandardRestore(like))["state"]
        return state

    def _newest(self, say: Callable[[str], None]) -> int | None:
        damaged: list[str] = []
        for step in reversed(steps(self.directory)):
            folder = self.directory / str(step)
            problem = damage(folder)
            if problem is None:
                for text in damaged:
                    say(f"warning: {text}. It is passed over for the one before, step {step}")
                return step
            # One that was being saved when its process was killed has never counted, and nobody
            # misses it. One without a list and without a marker has lost its list.
            if unfinished(folder) is None or not _marker(folder).exists():
                damaged.append(f"the checkpoint {folder} {problem}")
        if damaged:
            raise ValueError(
                f"no checkpoint in {self.directory} is whole:\n  "
                + "\n  ".join(damaged)
                + "\nPut a copy that is whole there, or train in another --workdir."
            )
        return None

    def _restore(self, **items: ocp.args.CheckpointArgs) -> Any:
        with manager(self.directory, read_only=True, create=False) as checkpoints:
            return checkpoints.restore(self.step, args=ocp.args.Composite(**items))


class Checkpoints:
    """`latest/` and `best/` in a run's `checkpoints/`. Close it, or the last save may be lost.

    There are two folders, because a step's score may come after its checkpoint: a run that is
    stopped while it validates saves first and validates when it goes on.

    A save copies the state and returns; the rest happens in the background. A checkpoint counts
    when its list of checksums is there, and the lists are written in the order of the saves. So
    the best of a step counts before its latest does: a run that goes on from there has its score
    in the metrics, and does not validate it again.
    """

    def __init__(self, directory: Path, *, keep_best: int, resumed_at: int):
        """resumed_at: the step gone on from; checkpoints after it in `latest/` are damaged.

        Errors: ValueError when another process writes there, OSError.
        """
        self.directory = directory
        refusal = (
            f"another process is training in {directory.parent}: stop it, or give another --workdir"
        )
        self._lock = only_writer(directory, refusal) if is_first() else None
        best = policies.BestN(get_metric_fn=score, n=keep_best)
        options: dict[str, Any] = {"cleanup_tmp_directories": True, "create": True}
        # One thread: the lists of checksums are written one after the other, in order.
        self._lists = ThreadPoolExecutor(1, "checksums")
        self._saves: dict[ocp.CheckpointManager, Future[None]] = {}
        with self._plain_words():
            # Before Orbax looks into the folders, on any process: leftovers would pass for steps.
            if is_first():
                _clear(directory, resumed_at)
            wait_for_all("leftovers of killed saves are cleared")
            self._latest = manager(
                directory / "latest", preservation_policy=policies.LatestN(_LATEST), **options
            )
            self._best = manager(directory / "best", preservation_policy=best, **options)
            # Now, and not after the hours until the first save.
            if is_first():
                _try_saving(directory)

    def save(self, state: State, config: Config, class_names: Sequence[str]) -> None:
        """Copies the state and writes it in the background, if it is not saved already.

        Errors: OSError, also when the save before this failed.
        """
        if int(state["step"]) != self._latest.latest_step():
            self._save(self._latest, state, config, class_names, None)

    def save_scored(
        self, state: State, config: Config, class_names: Sequence[str], value: float
    ) -> None:
        """The same into `best/`, where only the `keep_best` best by their value stay.

        value: of `train.best_metric`, 0 to 1.

        Waits for the disk if the step is in `latest/` already, so that its score can be noted.
        """
        step = int(state["step"])
        if step not in self._best.all_steps():
            self._save(self._best, state, config, class_names, {config.train.best_metric: value})
        if step == self._latest.latest_step():
            self._wait_for(self._best)

    def close(self) -> None:
        """Returns when all saves are on disk. Errors: OSError."""
        with self._plain_words(), contextlib.ExitStack() as last:
            if self._lock is not None:
                last.callback(self._lock.close)
            last.callback(self._best.close)
            last.callback(self._latest.close)
            last.callback(self._lists.shutdown)
            # What is pushed first is called last: the lists are waited for, then Orbax is closed,
            # and the lock goes at the very end, when nothing writes any more.
            for save in self._saves.values():
                save.result()

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
        # Orbax removes older ones when this is written: the one before must count by then, or a
        # kill could leave none that counts.
        self._wait_for(to)
        with self._plain_words():
            # The marker first: whatever of the save is there without it would look damaged.
            if is_first():
                _marker(self._folder(to, step)).touch()
            args = ocp.args.Composite(
                state=ocp.args.StandardSave(state), run=ocp.args.JsonSave(run)
            )
            to.save(step, args=args, metrics=metrics)
        earlier = list(self._saves.values())
        self._saves[to] = self._lists.submit(self._finish, to, step, earlier)

    def _finish(self, to: ocp.CheckpointManager, step: int, earlier: list[Future[None]]) -> None:
        """Waits for a save and lists its files, unless an earlier one failed."""
        for save in earlier:
            save.result()
        to.wait_until_finished()
        if is_first():
            if step in to.all_steps():  # one that is worse than the best is gone again
                write_list(self._folder(to, step))
            _marker(self._folder(to, step)).unlink()

    def _folder(self, of: ocp.CheckpointManager, step: int) -> Path:
        return Path(of.directory) / str(step)

    def _wait_for(self, manager: ocp.CheckpointManager) -> None:
        if manager in self._saves:
            with self._plain_words():
                self._saves[manager].result()

    @contextlib.contextmanager
    def _plain_words(self) -> Iterator[None]:
        """Turns what a failed write raises, of whatever type, into an OSError in words."""
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            # As when another process dies in the middle of a save: the heartbeat says which, and
            # the disk is not the cause.
            if is_of_jax(error):
                raise
            remedy = "The checkpoints before are whole: then run the same command again"
            raise not_written(self.directory, error, remedy) from error


def _try_saving(directory: Path) -> None:
    """Writes and removes what a checkpoint is made of, by the library that will, at full length.

    Errors: whatever that raises.
    """
    trial = directory / f".trial/{'9' * 9}.orbax-checkpoint-tmp/state/ocdbt.process_0/d"
    store = {"driver": "file", "path": f"{plain_name(directory) / trial.relative_to(directory)}/"}
    try:
        key = "0" * 32
        ts.KvStore.open(store).result().write(key, b"is it written?").result()
        checksum = trial / f"{key}.partly"
        (trial / key).rename(checksum)
        checksum.unlink()
    finally:
        shutil.rmtree(directory / ".trial", ignore_errors=True)


def _marker(folder: Path) -> Path:
    return folder.with_name(folder.name + _SAVING)


def _clear(directory: Path, resumed_at: int) -> None:
    """Removes what killed saves and deletions left, and damaged checkpoints."""
    for step in directory.glob("*/*"):
        if not step.name.isdigit():
            continue
        passed_over = step.parent.name == "latest" and int(step.name) > resumed_at
        if passed_over or unfinished(step) is not None:
            shutil.rmtree(step)
    for marker in directory.glob(f"*/*{_SAVING}"):  # after what they mark
        marker.unlink()


def _agreed(find: Callable[[], int | None]) -> int | None:
    """The step that the first process finds, on all of them; None where it finds none.

    Errors: on the first process the ValueError of `find`, on the others one that points to it.
    """
    if jax.process_count() == 1:
        return find()
    # A broadcast carries a number alone: no step is negative.
    none, failed = -1, -2
    outcome: int | ValueError | None = None
    if is_first():
        try:
            outcome = find()
        except ValueError as error:
            outcome = error
    code = failed if isinstance(outcome, ValueError) else none if outcome is None else outcome
    # After an error, too: the others wait here.
    agreed = int(multihost_utils.broadcast_one_to_all(code))
    if isinstance(outcome, ValueError):
        raise outcome
    if agreed == failed:
        raise ValueError("the first process found no checkpoint that is whole, and says why")
    return None if agreed == none else agreed
