"""The training loop: everything that has side effects, in the order in which it happens.

From top to bottom: `train` looks for all that can be wrong and then takes the folder, `_opened`
opens what a run writes to, `_train_from` is the loop.

What SIGTERM, Ctrl-C and `touch RUN/stop` save, and in which order:

1. The signal is only remembered (job/stop.py), and the step under way goes on.
2. The rows of the next batch carry it to all processes. They read it together while the step after
   that one computes, and this is the last: its log line is written if one is due; a validation that
   is due is left to the next start.
3. The state after that step is copied for `checkpoints/latest`, and written in the background.
   Meanwhile the outputs of that step are read, as no step comes that would read them: its bad
   videos are listed in `quarantine.jsonl`.
4. A trace that runs is written, then `metrics.jsonl` and the TensorBoard files are closed.
5. The process waits until the checkpoint and then its list of checksums are on the disk, and ends.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from tqdm import tqdm

from ila_jax.class_features import class_features
from ila_jax.config import Config, to_dict
from ila_jax.data.clips.quarantine import Quarantine
from ila_jax.data.sources.mirror import described, mirrors
from ila_jax.files.writable import check_free_space
from ila_jax.job.batches import Dataset, open_dataset
from ila_jax.job.heartbeat import COMPUTING, LOADING, SAVING, Heartbeat
from ila_jax.job.processes import is_first, measure_from, progress_bar, say, wait_for_all
from ila_jax.job.sharding import check_batch, make_mesh, put_batch, put_state
from ila_jax.job.stop import stop_requests
from ila_jax.models.model import Variables
from ila_jax.scoring.validation import Predictor
from ila_jax.shapes import TextFeatures
from ila_jax.train import weights_and_biases
from ila_jax.train.batches import train_batches
from ila_jax.train.cached_features import cached_features
from ila_jax.train.checkpoint import Checkpoints
from ila_jax.train.compiled import compiled_apart
from ila_jax.train.meter import Meter, device_memory, flat_metrics, peak_clips_per_second
from ila_jax.train.profiled_steps import ProfiledSteps
from ila_jax.train.profiling import Profile
from ila_jax.train.recipe import Recipe, make_recipe
from ila_jax.train.run import TrainingRun
from ila_jax.train.start import check_run, claim, starting_state
from ila_jax.train.state import State
from ila_jax.train.step import StepOutput
from ila_jax.train.validate import (
    ended_early,
    validate,
    validation_due,
    validation_missing,
    why_early,
)
from ila_jax.train.writer import Writer

_GOES_ON = "the same command goes on from there"
_COMPILES = (
    "the first step is compiled, which takes seconds where it is known from before, else up to "
    "minutes: until then the bar stands still"
)


def train(config: Config, workdir: Path, profiled: ProfiledSteps | None = None) -> bool:
    """Trains to the last step, or until SIGTERM or Ctrl-C, which save first: False then.

    profiled: steps to trace into `workdir/profile`. Called again, it goes on. Errors: ValueError,
    OSError, RuntimeError in plain words.
    """
    # All that can be wrong is found before anything in the folder changes: the cheap first, and
    # the state, which takes the time and the memory, last.
    weights_and_biases.check(config.train.wandb)
    dataset = open_dataset(config)
    mesh = make_mesh(fsdp=config.mesh.fsdp)
    check_batch(mesh, "train.batch", config.train.batch)
    mirror = mirrors(dataset.class_names, config.data.mirror)
    steps_per_epoch = len(dataset.train) // config.train.batch
    recipe = make_recipe(
        config,
        mirror=mirror,
        steps_per_epoch=steps_per_epoch,
        labels=dataset.train.labels,
    )
    check_run(workdir, config)
    state = starting_state(recipe, mesh, workdir, say)
    check_free_space(
        workdir, sum(x.nbytes for x in jax.tree.leaves(state)), "a checkpoint of this run"
    )
    # The first process may write to the folder only when all others have read in it what to start
    # from.
    wait_for_all("starting")
    claim(workdir, config)
    if config.augment.flip:
        for line in described(mirror, dataset.class_names):
            say(line)
    with _opened(recipe, dataset, mesh, workdir, int(state["step"]), profiled) as run:
        if config.data.cached_views:
            features = cached_features(run, workdir, state)
            if features is None:
                say("stopped before all features were kept: the same command goes on")
                return False
            run = dataclasses.replace(run, features=features)
        return _train_from(run, state)


@contextmanager
def _opened(
    recipe: Recipe,
    dataset: Dataset,
    mesh: Mesh,
    workdir: Path,
    done: int,
    profiled: ProfiledSteps | None,
) -> Iterator[TrainingRun]:
    """Opens what a run writes to, and closes it at the end, well or with an error.

    done: how many steps the run has behind it.
    """
    config = recipe.config
    # The checkpoints first: they hold the folder's lock, without which nothing may be written.
    checkpoints = Checkpoints(
        workdir / "checkpoints", keep_best=config.train.keep_best, resumed_at=done
    )
    board = None
    if config.train.wandb and is_first():
        board = weights_and_biases.Board(config.train.wandb, workdir, to_dict(config))
    writer = Writer(workdir, resumed_at=done, first=is_first(), board=board)
    quarantine = Quarantine(workdir / "quarantine.jsonl", writes=is_first())
    # The list of the start before may hold too many already, for a fraction that is lower by now.
    quarantine.check(dataset.videos, config.data.max_bad_fraction)
    # All processes run the same program, so the trace of one shows it; the first writes all files.
    steps = profiled.steps(done) if profiled is not None and is_first() else range(0)
    profile = Profile(workdir / "profile", steps, say)
    heartbeat = Heartbeat(
        workdir / "heartbeats",
        process=jax.process_index(),
        processes=jax.process_count(),
        limit=config.train.hang_limit,
    )
    # They are closed from the last to the first, so that this is read from below: the end, which
    # has no time limit, begins (`ending`); signals do again what they did before; the mesh is no
    # longer set; the trace is written, then the metrics are closed; the checkpoints wait for the
    # disk, which takes longest, and give up the lock of the folder. The heartbeat beats until then.
    with (
        heartbeat,
        closing(checkpoints),
        closing(writer),
        closing(profile),
        # ATA matches tokens on the host, and has to find the mesh where it is traced: so each
        # device's clips are matched on their own (models/temporal/matching.py).
        jax.set_mesh(mesh),
        stop_requests(workdir) as stop_asked,
        heartbeat.ending(),
    ):
        yield TrainingRun(
            recipe=recipe,
            dataset=dataset,
            mesh=mesh,
            checkpoints=checkpoints,
            quarantine=quarantine,
            writer=writer,
            profile=profile,
            heartbeat=heartbeat,
            stop_asked=stop_asked,
        )


def _train_from(run: TrainingRun, state: State) -> bool:
    """Trains from a state on. Returns whether the last step was reached."""
    config, done = run.config.train, int(state["step"])
    text = _text_features(run, state)
    step = compiled_apart(run.recipe, run.mesh)
    predictor = Predictor(run.config.model, run.mesh)
    if validation_missing(run, done) and not validate(run, predictor, state, text, done):
        say(f"stopped at step {done}, which is saved: {_GOES_ON}")
        return False
    if done >= config.steps:
        say(f"all {config.steps} steps are done")
        return True
    if ended_early(run):
        say(why_early(run.config.train, done))
        return True
    batches = train_batches(run, first_step=done)
    say(_COMPILES)
    with closing(batches), progress_bar(done, config.steps, "step") as bar:
        meter = Meter(config.batch, peak_clips_per_second(run.recipe))
        for batch in meter.fetched(batches):
            # 1. The next step is dispatched: the call returns at once, and the device computes.
            run.heartbeat.beat(done, COMPUTING)
            # The model needs the videos and their labels. The bad videos go along, and so does
            # whether this process is asked to stop: what went through the devices comes back of
            # all processes. The rest of a batch, such as `short`, is for this process alone.
            rows = {name: batch[name] for name in ("video", "label", "bad")}
            rows["stop"] = np.full(len(batch["label"]), run.stop_asked())
            done += 1
            with run.profile.step(done):
                state, output = step(state, put_batch(run.mesh, rows), text)
            run.profile.stepped(done, output)

            # 2. Meanwhile the host reads what the step before it said. To read this one's would
            #    wait for it, and leave the device idle while the next batch is put together.
            previous = meter.stepped(output)
            stopping = previous is not None and _read_output(run, done - 1, previous)
            if previous is None:  # the first step, which was compiled and is done by now
                measure_from(bar, done)
            else:
                bar.update()

            # 3. The log does wait for this step, every `log_every` steps.
            if done % config.log_every == 0:
                metrics = output.metrics | {"short": batch["short"].mean()}
                _log(run, done, metrics, meter, bar)

            # 4. Validation comes before the checkpoint of its step: the best of a step counts
            #    before its latest, and a run that goes on from there has its score already.
            with meter.paused():
                ending = done == config.steps
                if validation_due(config, done):
                    stopping |= not validate(run, predictor, state, text, done)
                    ending |= ended_early(run)
                if done % config.checkpoint_every == 0 or ending or stopping:
                    run.heartbeat.beat(done, SAVING)
                    run.save(state)  # copies it: the next step may take the state over
                    # A run that goes on from here does not compute this step again: what it said
                    # is read now, or nobody lists its bad videos. To copy the state has waited for
                    # the step, so nothing waits here. After the save: too many bad videos end the
                    # run, and what it has learnt is kept.
                    _read_output(run, done, output)
            run.heartbeat.beat(done, LOADING)
            if stopping:
                # The save is written in the background, and waited for when all is closed.
                say(f"stopped at step {done}, which is being saved: {_GOES_ON}")
                return False
            if ending:
                break
    if done < config.steps:
        say(why_early(run.config.train, done))
    return True


def _text_features(run: TrainingRun, state: State) -> TextFeatures | None:
    """The classes' features [k, e], computed once: the text tower is frozen."""
    if run.config.model.head != "text":
        return None
    variables = Variables(state["params"], state["batch_stats"])
    features = class_features(run.config.model, variables, run.dataset.class_names)
    on_mesh: TextFeatures = put_state(run.mesh, features)
    return on_mesh


def _read_output(run: TrainingRun, step: int, output: StepOutput) -> bool:
    """Reads what a finished step says, the same to all processes: whether they are to stop.

    step: its number, from 1. Errors: RuntimeError when too many steps were not finite or too many
    videos are bad.
    """
    _check_finite(step, output.metrics, run.config.train.max_skipped)
    run.list_bad(output.rows["bad"], run.dataset.train)
    # On the host: the array's own `any` would be computed on the device, behind the step that runs.
    return bool(np.asarray(output.rows["stop"]).any())


def _check_finite(step: int, metrics: dict[str, jax.Array], max_skipped: int) -> None:
    """Errors: RuntimeError when too many steps in a row, up to this one, were not finite."""
    in_row = int(metrics["skipped_in_row"])
    if in_row > max_skipped:
        # Counted from 1, as in the log and in metrics.jsonl; the schedule counts from 0.
        raise RuntimeError(
            f"the loss was not finite in steps {step - in_row + 1} to {step}, more than "
            f"train.max_skipped={max_skipped} in a row: the run stops. The "
            "last checkpoint is from before or within; lower optimizer.rate or look at the data"
        )


def _log(run: TrainingRun, step: int, metrics: dict[str, Any], meter: Meter, bar: tqdm) -> None:
    """Writes the metrics of a step, the speed since the last log line, and the memory in use."""
    # First the waiting, then the speed: it belongs to the time that is measured.
    values, speed = flat_metrics(jax.device_get(meter.wait(metrics))), meter.rates()
    entries = {f"train/{name}": value for name, value in values.items()}
    entries["train/epoch"] = step / run.recipe.steps_per_epoch
    entries |= {f"time/{name}": value for name, value in speed.items()}
    entries |= {f"device/{name}": value for name, value in device_memory().items()}
    run.writer.write(step, entries)
    clips_per_second = f"{speed['clips_per_second']:.0f} clips/s, " if speed else ""
    bar.set_postfix_str(
        f"{clips_per_second}loss {values['loss']:.3f}, "
        f"alignment {values['alignment_loss']:.3f}, rate {values['rate']:.2e}",
        refresh=False,  # the bar draws itself as often as its own interval says
    )
