"""The training loop: everything that has side effects, in the order in which it happens."""

import functools
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh
from tqdm import tqdm

from ila_jax.config import Config
from ila_jax.data.mirror import described, mirrors
from ila_jax.data.pipeline import Batch
from ila_jax.data.quarantine import Quarantine
from ila_jax.data.sources import VideoSource
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.shapes import TextFeatures
from ila_jax.text.tokenizer import tokenize
from ila_jax.train.checkpoint import Checkpoints
from ila_jax.train.dataset import (
    Dataset,
    open_dataset,
    train_batches,
    validation_batches,
)
from ila_jax.train.sharding import check_batch, make_mesh, put_batch, put_state, replicated
from ila_jax.train.start import check_folder, claim, starting_state
from ila_jax.train.state import State
from ila_jax.train.step import Recipe, make_recipe, step
from ila_jax.train.validation import Predictions, Predictor, collect
from ila_jax.train.writer import Writer


def train(config: Config, workdir: Path) -> bool:
    """Trains to the last step, or until SIGTERM or Ctrl-C, which save first: False then.

    Typed again, it goes on. Errors: ValueError, OSError, RuntimeError in plain words.
    """
    dataset = open_dataset(config)
    mesh = make_mesh()
    check_batch(mesh, "train.batch", config.train.batch)
    mirror = mirrors(dataset.class_names, config.data.mirror)
    recipe = make_recipe(
        config,
        mirror=mirror,
        steps_per_epoch=len(dataset.train) // config.train.batch,
    )
    check_folder(workdir, config)
    state = starting_state(recipe, mesh, workdir, say)
    claim(workdir, config)
    if config.augment.flip:
        for line in described(mirror, dataset.class_names):
            say(line)
    checkpoints = Checkpoints(workdir / "checkpoints", keep_best=config.train.keep_best)
    writer = Writer(workdir, resumed_at=int(state["step"]))
    quarantine = Quarantine(workdir / "quarantine.jsonl")
    quarantine.check(dataset.videos, config.data.max_bad_fraction)
    # The mesh is set for ATA, whose matching leaves the device.
    with closing(checkpoints), closing(writer), jax.set_mesh(mesh), _stop_signals() as stop:
        return _Run(recipe, dataset, mesh, checkpoints, quarantine, writer, stop).train(state)


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
        stop: Callable[[], bool],
    ):
        self.recipe, self.config, self.dataset = recipe, recipe.config, dataset
        self.mesh, self.checkpoints, self.quarantine = mesh, checkpoints, quarantine
        self.writer, self.stop = writer, stop
        whole = replicated(mesh)
        self.step = jax.jit(
            functools.partial(step, recipe), donate_argnums=0, out_shardings=(whole, whole)
        )
        self.predict = Predictor(recipe.config.model, mesh)

    def train(self, state: State) -> bool:
        """Whether the last step was reached."""
        config, at = self.config.train, int(state["step"])
        text = self._text_features(state)
        if self._unvalidated(at):
            self._validate(state, text, at)
        if self.stop():
            say(f"stopped at step {at}, which is saved: the same command goes on from there")
            return False
        if at >= config.steps:
            say(f"all {config.steps} steps are done")
            return True
        batches = train_batches(self.config, self.dataset, first_step=at)
        with closing(batches), self._bar(at) as bar:
            meter = _Meter(config.batch)
            for batch in batches:
                self._quarantine(batch["bad"], self.dataset.train)
                rows = {name: batch[name] for name in ("video", "label")}
                meter.waited()
                state, metrics = self.step(state, put_batch(self.mesh, rows), text)
                at += 1
                self._check_finite(at - 1, meter.stepped(metrics))
                bar.update()
                if at % config.log_every == 0:
                    self._log(at, metrics | {"short": batch["short"].mean()}, meter, bar)
                if self._due(at):
                    self._validate(state, text, at)
                if at % config.checkpoint_every == 0 or at == config.steps or self.stop():
                    self.checkpoints.save(state, self.config, self.dataset.class_names)
                meter.pause()
                if self.stop():
                    say(f"stopped and saved at step {at}: the same command goes on from there")
                    return False
        self._check_finite(at, metrics)
        return True

    def _bar(self, at: int) -> tqdm:
        rarely = 0.1 if sys.stderr.isatty() else 30.0  # seconds; a log file needs no animation
        return tqdm(
            initial=at,
            total=self.config.train.steps,
            unit="step",
            dynamic_ncols=True,
            mininterval=rarely,
            maxinterval=2 * rarely,
        )

    def _text_features(self, state: State) -> TextFeatures | None:
        """The classes' features, computed once: the text tower is frozen."""
        if self.config.model.head != "text":
            return None
        tokens = tokenize(self.dataset.class_names)
        variables = Variables(state["params"], state["batch_stats"])
        compute = jax.jit(functools.partial(model.text_features, self.config.model))
        return put_state(self.mesh, compute(variables, tokens))

    def _due(self, at: int) -> bool:
        return at % self.config.train.evaluate_every == 0 or at == self.config.train.steps

    def _unvalidated(self, at: int) -> bool:
        """A run that was stopped while it validated has this left to do."""
        return at > 0 and self._due(at) and not self.writer.has(at, "val/top1")

    def _log(self, at: int, metrics: dict[str, jax.Array], meter: "_Meter", bar: tqdm) -> None:
        values = {name: float(value) for name, value in metrics.items()}
        rates = meter.rates()
        named = {f"train/{name}": value for name, value in values.items()}
        self.writer.write(at, named | {f"time/{name}": value for name, value in rates.items()})
        bar.set_postfix_str(
            f"{rates['clips_per_second']:.0f} clips/s, loss {values['loss']:.3f}, "
            f"alignment {values['alignment_loss']:.3f}, rate {values['rate']:.2e}"
        )

    def _check_finite(self, at: int, metrics: dict[str, jax.Array]) -> None:
        """Errors: RuntimeError when too many steps in a row were not finite; at: after them."""
        in_row = int(metrics["skipped_in_row"]) if metrics else 0
        if in_row > self.config.train.max_skipped:
            raise RuntimeError(
                f"the loss was not finite in steps {at - in_row} to {at - 1}, more than "
                f"train.max_skipped={self.config.train.max_skipped} in a row: the run stops. The "
                "last checkpoint is from before or within; lower optimizer.rate or look at the data"
            )

    def _validate(self, state: State, text: TextFeatures | None, at: int) -> None:
        """Scores the whole validation set; left for the next start if the run is to stop."""
        variables = Variables(state["params"], state["batch_stats"])
        found = self._predictions(variables, text)
        if found is None:
            return
        scores = {
            "val/top1": found.top1,
            "val/top5": found.top5,
            "val/videos": len(found.index),
            "val/short": found.short,
        }
        if at == self.config.train.steps:
            names, accuracies = self.dataset.class_names, found.per_class(self.recipe.classes)
            scores |= {
                f"val/class/{name}": value
                for name, value in zip(names, accuracies, strict=True)
                if value is not None
            }
        self.writer.write(at, scores)
        self.checkpoints.save_scored(state, self.config, self.dataset.class_names, found.top1)
        unreadable = f", {found.unreadable} unreadable" if found.unreadable else ""
        say(
            f"step {at}: top-1 {found.top1:.1%}, top-5 {found.top5:.1%} of "
            f"{len(found.index)} videos{unreadable}"
        )

    def _predictions(self, variables: Variables, text: TextFeatures | None) -> Predictions | None:
        batches = validation_batches(self.config, self.dataset)

        def predict(batch: Batch) -> dict[str, np.ndarray]:
            self._quarantine(batch["bad"], self.dataset.validation)
            return self.predict(variables, text, batch)

        return collect(predict, batches, listed=len(self.dataset.validation), stop=self.stop)

    def _quarantine(self, bad: np.ndarray, source: VideoSource) -> None:
        """Lists unreadable videos, each once. Errors: RuntimeError when there are too many."""
        if self.quarantine.add(bad, source):
            self.quarantine.check(self.dataset.videos, self.config.data.max_bad_fraction)


class _Meter:
    """Where the time goes between two log lines."""

    def __init__(self, batch: int):
        self._batch = batch
        self._last: dict[str, jax.Array] = {}
        self._wait, self._steps = 0.0, 0
        self._begin = self._ready = time.perf_counter()

    def waited(self) -> None:
        """The next batch is there."""
        self._wait += time.perf_counter() - self._ready

    def stepped(self, metrics: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """A step has been dispatched: waits for the one before it, and returns its metrics.

        So the host runs one step ahead, and no batches pile up on the device.
        """
        if not self._last:  # the first step was compiled: that is no rate
            jax.block_until_ready(metrics)
            self._begin, self._wait, self._steps = time.perf_counter(), 0.0, -1
        before = jax.block_until_ready(self._last)
        self._last = metrics
        self._steps += 1
        self._ready = time.perf_counter()
        return before

    def pause(self) -> None:
        """What happened since the last step does not count as waiting for data."""
        self._begin += time.perf_counter() - self._ready
        self._ready = time.perf_counter()

    def rates(self) -> dict[str, float]:
        """Clips a second, and the share of the time spent waiting for data, since the last call."""
        spent = time.perf_counter() - self._begin
        out = {
            "clips_per_second": self._steps * self._batch / spent,
            "data_wait": self._wait / spent,
        }
        self._wait, self._steps = 0.0, 0
        self._begin = self._ready = time.perf_counter()
        return out


@contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or Ctrl-C came; a second one ends the process at once."""
    came = []

    def remember(number: int, _: object) -> None:
        came.append(number)
        signal.signal(number, signal.SIG_DFL)
        say(f"{signal.Signals(number).name}: stopping after this step")

    before = {n: signal.signal(n, remember) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(text: str) -> None:
    """One line on stderr that leaves the progress bar whole."""
    if jax.process_index() == 0:
        tqdm.write(text, file=sys.stderr)
