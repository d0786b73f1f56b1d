"""The training loop: everything that has side effects, in the order in which it happens."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from tqdm import tqdm

from ila_jax.class_features import class_features
from ila_jax.config import Config, to_dict
from ila_jax.data.clips.pipeline import Batch
from ila_jax.data.clips.quarantine import Quarantine
from ila_jax.data.sources.mirror import described, mirrors
from ila_jax.data.sources.source import VideoSource
from ila_jax.files.writable import check_room
from ila_jax.job.batches import Dataset, open_dataset, train_batches, validation_batches
from ila_jax.job.heartbeat import COMPUTING, LOADING, SAVING, VALIDATING, Heartbeat
from ila_jax.job.processes import is_first, progress_bar, say, wait_for_all
from ila_jax.job.sharding import check_batch, make_mesh, put_batch, put_state
from ila_jax.job.stop import stop_requests
from ila_jax.models.model import Variables
from ila_jax.scoring.metrics import METRICS
from ila_jax.scoring.validation import Predictions, Predictor, collect
from ila_jax.shapes import TextFeatures
from ila_jax.train.checkpoint import Checkpoints
from ila_jax.train.meter import Meter, device_memory, full_rate, named
from ila_jax.train.optim import join, partition
from ila_jax.train.profiling import Profile, Window
from ila_jax.train.start import check_run, claim, starting_state
from ila_jax.train.state import State
from ila_jax.train.step import Recipe, compiled_step, make_recipe
from ila_jax.train.weights_and_biases import Board, check
from ila_jax.train.writer import Writer


def train(config: Config, workdir: Path, window: Window | None = None) -> bool:
    """Trains to the last step, or until SIGTERM or Ctrl-C, which save first: False then.

    window: steps to trace into `workdir/profile`. Typed again, it goes on. Errors: ValueError,
    OSError, RuntimeError in plain words.
    """
    check(config.train.wandb)
    dataset = open_dataset(config)
    mesh = make_mesh(fsdp=config.mesh.fsdp)
    check_batch(mesh, "train.batch", config.train.batch)
    mirror = mirrors(dataset.class_names, config.data.mirror)
    recipe = make_recipe(
        config,
        mirror=mirror,
        steps_per_epoch=len(dataset.train) // config.train.batch,
    )
    check_run(workdir, config)
    state = starting_state(recipe, mesh, workdir, say)
    check_room(workdir, sum(x.nbytes for x in jax.tree.leaves(state)), "a checkpoint of this run")
    wait_for_all("starting")  # before anything in the folder changes
    claim(workdir, config)
    if config.augment.flip:
        for line in described(mirror, dataset.class_names):
            say(line)
    at, project = int(state["step"]), config.train.wandb
    checkpoints = Checkpoints(
        workdir / "checkpoints", keep_best=config.train.keep_best, resumed_at=at
    )
    board = Board(project, workdir, to_dict(config)) if project and is_first() else None
    writer = Writer(workdir, resumed_at=at, first=is_first(), board=board)
    quarantine = Quarantine(workdir / "quarantine.jsonl", writes=is_first())
    quarantine.check(dataset.videos, config.data.max_bad_fraction)
    steps = window.steps(at) if window is not None and is_first() else range(0)
    profile = Profile(workdir / "profile", steps, say)
    heartbeat = Heartbeat(
        workdir / "heartbeats",
        process=jax.process_index(),
        processes=jax.process_count(),
        limit=config.train.hang_limit,
    )
    with (
        heartbeat,
        closing(checkpoints),
        closing(writer),
        closing(profile),
        jax.set_mesh(mesh),  # for ATA, whose matching leaves the device
        stop_requests(workdir) as stop,
        heartbeat.ending(),
    ):
        run = _Run(recipe, dataset, mesh, checkpoints, quarantine, writer, profile, heartbeat, stop)
        return run.train(state)


class _Run:
    """One run: what its steps and validations need, put together once."""

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        mesh: Mesh,
        checkpoints: Checkpoints,
        quarantine: Quarantine,
        writer: Writer,
        profile: Profile,
        heartbeat: Heartbeat,
        stop: Callable[[], bool],
    ):
        self.recipe, self.config, self.dataset = recipe, recipe.config, dataset
        self.mesh, self.checkpoints, self.quarantine = mesh, checkpoints, quarantine
        self.writer, self.profile, self.heartbeat = writer, profile, heartbeat
        self.stop = stop
        self.predict = Predictor(recipe.config.model, mesh)

    def train(self, state: State) -> bool:
        """Whether the last step was reached."""
        config, at = self.config.train, int(state["step"])
        text = self._text_features(state)
        step = compiled_step(self.recipe, self.mesh, state)
        if self._unvalidated(at) and not self._validate(state, text, at):
            say(f"stopped at step {at}, which is saved: the same command goes on from there")
            return False
        if at >= config.steps:
            say(f"all {config.steps} steps are done")
            return True
        batches = train_batches(self.config, self.dataset, first_step=at)
        with closing(batches), progress_bar(at, config.steps, "step") as bar:
            meter = Meter(config.batch, full_rate(self.recipe))
            for batch in meter.fetched(batches):
                self.heartbeat.beat(at, COMPUTING)
                rows = {name: batch[name] for name in ("video", "label", "bad")}
                rows["stop"] = np.full(len(batch["label"]), self.stop())
                at += 1
                with self.profile.step(at):
                    state, *after = step(state, put_batch(self.mesh, rows), text)
                self.profile.stepped(at, after)
                stopping = self._heed(at - 1, meter.stepped(after))
                bar.update()
                if at % config.log_every == 0:
                    self._log(at, after[0] | {"short": batch["short"].mean()}, meter, bar)
                with meter.paused():
                    if self._due(at):
                        stopping |= not self._validate(state, text, at)
                    if at % config.checkpoint_every == 0 or at == config.steps or stopping:
                        self.heartbeat.beat(at, SAVING)
                        self.checkpoints.save(state, self.config, self.dataset.class_names)
                self.heartbeat.beat(at, LOADING)
                if stopping:
                    say(f"stopped and saved at step {at}: the same command goes on from there")
                    return False
        self._heed(at, after)
        return True

    def _heed(self, at: int, after: list[dict[str, Any]] | None) -> bool:
        """What a step says once it is done, the same to all processes: whether they are to stop.

        Errors: RuntimeError when too many steps were not finite or too many videos are bad.
        """
        if after is None:
            return False
        metrics, rows = after
        self._check_finite(at, metrics)
        self._quarantine(rows["bad"], self.dataset.train)
        return bool(np.asarray(rows["stop"]).any())  # on the host: on the device, it would wait

    def _text_features(self, state: State) -> TextFeatures | None:
        """The classes' features, computed once: the text tower is frozen."""
        if self.config.model.head != "text":
            return None
        variables = Variables(state["params"], state["batch_stats"])
        found = class_features(self.config.model, variables, self.dataset.class_names)
        return put_state(self.mesh, found)

    def _due(self, at: int) -> bool:
        return at % self.config.train.evaluate_every == 0 or at == self.config.train.steps

    def _unvalidated(self, at: int) -> bool:
        """A run that was stopped while it validated has this left to do."""
        return at > 0 and self._due(at) and not self.writer.has(at, "val/top1")

    def _log(self, at: int, metrics: dict[str, Any], meter: Meter, bar: tqdm) -> None:
        values, rates = named(jax.device_get(meter.wait(metrics))), meter.rates()
        entries = {f"train/{name}": value for name, value in values.items()}
        entries |= {f"time/{name}": value for name, value in rates.items()}
        entries |= {f"device/{name}": value for name, value in device_memory().items()}
        self.writer.write(at, entries)
        speed = f"{rates['clips_per_second']:.0f} clips/s, " if rates else ""
        bar.set_postfix_str(
            f"{speed}loss {values['loss']:.3f}, "
            f"alignment {values['alignment_loss']:.3f}, rate {values['rate']:.2e}"
        )

    def _check_finite(self, at: int, metrics: dict[str, jax.Array]) -> None:
        """Errors: RuntimeError when too many steps in a row were not finite; at: after them."""
        in_row = int(metrics["skipped_in_row"])
        if in_row > self.config.train.max_skipped:
            raise RuntimeError(
                f"the loss was not finite in steps {at - in_row} to {at - 1}, more than "
                f"train.max_skipped={self.config.train.max_skipped} in a row: the run stops. The "
                "last checkpoint is from before or within; lower optimizer.rate or look at the data"
            )

    def _validate(self, state: State, text: TextFeatures | None, at: int) -> bool:
        """Scores the whole validation set. False: left for the next start, as the run is to stop.

        With an average of the weights, that is scored beside them.
        """
        variables = Variables(state["params"], state["batch_stats"])
        found = self._predictions(variables, text, at)
        if found is None:
            return False
        metrics = found.metrics()
        scores = {f"val/{name}": value for name, value in metrics.items()}
        scores |= {"val/videos": len(found.index), "val/short": found.short}
        if state["ema"]:
            _, frozen = partition(state["params"], self.recipe.rates)
            average = Variables(join(state["ema"], frozen), state["batch_stats"])
            beside = self._predictions(average, text, at)
            if beside is None:
                return False
            scores |= {f"val/ema_{name}": value for name, value in beside.metrics().items()}
        if at == self.config.train.steps:
            names, accuracies = self.dataset.class_names, found.per_class(self.recipe.classes)
            scores |= {
                f"val/class/{name}": value
                for name, value in zip(names, accuracies, strict=True)
                if value is not None
            }
        self.checkpoints.save_scored(state, self.config, self.dataset.class_names, metrics["top1"])
        self.writer.write(at, scores)
        unreadable = f", {found.unreadable} unreadable" if found.unreadable else ""
        shares = ", ".join(f"{METRICS[name].title} {value:.1%}" for name, value in metrics.items())
        say(f"step {at}: {shares} of {len(found.index)} videos{unreadable}")
        return True

    def _predictions(
        self, variables: Variables, text: TextFeatures | None, at: int
    ) -> Predictions | None:
        def predict(batch: Batch) -> dict[str, np.ndarray]:
            self.heartbeat.beat(at, VALIDATING)
            rows = self.predict(variables, text, batch)
            self.heartbeat.beat(at, LOADING)
            return rows

        return collect(
            predict,
            validation_batches(self.config, self.dataset),
            listed=len(self.dataset.validation),
            on_bad=lambda bad: self._quarantine(bad, self.dataset.validation),
            stop=self.stop,
        )

    def _quarantine(self, bad: Any, source: VideoSource) -> None:
        """Lists unreadable videos, each once. Errors: RuntimeError when there are too many."""
        if self.quarantine.add(np.asarray(bad), source):
            self.quarantine.check(self.dataset.videos, self.config.data.max_bad_fraction)
