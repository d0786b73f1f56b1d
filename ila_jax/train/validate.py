"""Validation during training: scores the whole set, saves the best, writes the metrics."""

from collections.abc import Iterator, Sequence

from ila_jax.config import TrainConfig
from ila_jax.data.clips.pipeline import Batch
from ila_jax.data.sources.source import class_counts, ground_truth
from ila_jax.job.processes import say
from ila_jax.models.model import Variables
from ila_jax.scoring.cautions import small_classes, small_validation
from ila_jax.scoring.history import training_cautions
from ila_jax.scoring.metrics import METRICS, telling
from ila_jax.scoring.validation import Predictions, Predictor, Rows, collect
from ila_jax.shapes import TextFeatures
from ila_jax.train.batches import validation_batches
from ila_jax.train.parameter_groups import join, partition
from ila_jax.train.run import TrainingRun
from ila_jax.train.state import State


def validation_due(config: TrainConfig, step: int) -> bool:
    """Whether a run validates after a step: every `evaluate_every` steps, and after the last."""
    return step % config.evaluate_every == 0 or step == config.steps


def validation_missing(run: TrainingRun, step: int) -> bool:
    """Whether the step that a run goes on from was due, and has no score in its metrics.

    So it is when the run was stopped while it validated: it saves first, and leaves this to do.
    """
    return (
        step > 0 and validation_due(run.config.train, step) and not run.writer.has(step, "val/top1")
    )


def ended_early(run: TrainingRun) -> bool:
    """Whether the run's patience is at its end, after the validations that it has behind it."""
    scores = run.writer.history(f"val/{run.config.train.best_metric}")
    return out_of_patience(scores, run.config.train.patience)


def out_of_patience(scores: Sequence[float], patience: int | None) -> bool:
    """Whether none of the last `patience` scores is better than the best before them.

    It follows from the scores alone, so that a run which goes on needs no state for it.
    """
    if patience is None or len(scores) <= patience:
        return False
    return max(scores[-patience:]) <= max(scores[:-patience])


def why_early(config: TrainConfig, step: int) -> str:
    """What there is to say of a run that ends with this step, before its last."""
    return (
        f"ended at step {step} of {config.steps}: {METRICS[config.best_metric].title} was no "
        f"better than before in {config.patience} validations in a row (train.patience)"
    )


def validate(
    run: TrainingRun, predictor: Predictor, state: State, text: TextFeatures | None, step: int
) -> bool:
    """Scores the validation set after a step, saves the state if it is among the best, and logs.

    With an average of the weights, that is scored beside them. text: the classes' features, of a
    text head. False when the run is to stop: nothing was written, and the next start scores.
    """
    variables = Variables(state["params"], state["batch_stats"])
    predictions = _predictions(run, predictor, variables, text, step)
    if predictions is None:
        return False
    of_average: Predictions | None = None
    if state["ema"]:
        _, frozen = partition(state["params"], run.recipe.lr_factors)
        average = Variables(join(state["ema"], frozen), state["batch_stats"])
        of_average = _predictions(run, predictor, average, text, step)
        if of_average is None:
            return False
    # "Best" is by the raw weights, also where there is an average: they are what is loaded from the
    # checkpoint, by `ila_jax.load`, `evaluate` and all others (weights/run.py).
    # The checkpoint first: a run that goes on from this step takes its score in the metrics for a
    # sign that it is validated, and its best checkpoint saved.
    metric = run.config.train.best_metric
    value = predictions.metrics()[metric]
    scores = [*run.writer.history(f"val/{metric}"), value]
    last = step == run.config.train.steps or out_of_patience(scores, run.config.train.patience)
    run.save_scored(state, value)
    run.writer.write(step, _logged(run, predictions, of_average, last=last))
    say(_described(predictions, step))
    if last:
        for sentence in _cautions(run, predictions):
            say(f"caution: {sentence}")
    return True


def _predictions(
    run: TrainingRun,
    predictor: Predictor,
    variables: Variables,
    text: TextFeatures | None,
    step: int,
) -> Predictions | None:
    """What these weights say of every validation video; None when the run is to stop."""

    def predict(batches: Iterator[Batch]) -> Iterator[Rows]:
        return predictor(variables, text, run.heartbeat.validating(batches, lambda: step))

    return collect(
        predict,
        validation_batches(run),
        listed=len(run.dataset.validation),
        on_bad=lambda bad: run.list_bad(bad, run.dataset.validation),
        stop=run.stop_asked,
    )


def _logged(
    run: TrainingRun, predictions: Predictions, of_average: Predictions | None, *, last: bool
) -> dict[str, float]:
    """The values of a validation by their names in `metrics.jsonl`; the last has the classes'."""
    values: dict[str, float] = {
        f"val/{name}": value for name, value in predictions.metrics().items()
    }
    values |= {"val/videos": len(predictions.index), "val/short": predictions.short}
    if of_average is not None:
        values |= {f"val/ema_{name}": value for name, value in of_average.metrics().items()}
    if last:
        # At the end alone: of 400 classes they are 400 values in a line, and as many curves.
        accuracies = predictions.per_class(run.recipe.classes)
        values |= {
            f"val/class/{name}": value
            for name, value in zip(run.dataset.class_names, accuracies, strict=True)
            if value is not None
        }
    return values


def _described(predictions: Predictions, step: int) -> str:
    """A validation in one line."""
    values, metrics = predictions.metrics(), telling(predictions.probabilities.shape[1])
    shares = ", ".join(
        f"{metrics[name].title} {value:.1%}" for name, value in values.items() if name in metrics
    )
    unreadable = f", {predictions.unreadable} unreadable" if predictions.unreadable else ""
    return f"step {step}: {shares} of {len(predictions.index)} videos{unreadable}"


def _cautions(run: TrainingRun, predictions: Predictions) -> list[str]:
    """What the scores of a run do not tell by themselves, in sentences."""
    hits = int(predictions.right.sum())
    counts = class_counts(ground_truth(run.dataset.train), run.recipe.classes).tolist()
    clips = dict(zip(run.dataset.class_names, counts, strict=True))
    both = small_validation(hits, len(predictions.label)), small_classes(clips)
    of_scores = [sentence for sentence in both if sentence is not None]
    return of_scores + training_cautions(run.writer.entries)
