"""Validation: what a model says of a whole set of videos, each once on any number of devices."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from numpy.typing import NDArray
from scipy.special import expit, softmax

from ila_jax.config import ModelConfig
from ila_jax.data.clips.pipeline import Batch
from ila_jax.job.one_ahead import one_ahead
from ila_jax.job.sharding import put_batch, replicated
from ila_jax.models import model
from ila_jax.models.forward import logits_of
from ila_jax.models.model import Variables
from ila_jax.models.vit import TowerTokens
from ila_jax.scoring.average_precision import average_precisions
from ila_jax.scoring.metrics import best_classes, metrics_of, top_hits
from ila_jax.shapes import Logits, TextFeatures

# Rows of a batch that go through the devices with its videos: so every process gets those of all.
_PASSED_ON = ("index", "label", "mask", "short", "bad", "stop")
# Of these a set is put together once all its batches are done.
_COLLECTED = ("index", "label", "probabilities")
Rows = dict[str, NDArray[Any]]  # of a batch, on the host


@dataclass(frozen=True)
class Predictions:
    """What a model says of the videos that could be read, in the order of the list.

    index: int [v]. label: int [v], or bool [v, k] of any number of classes. probabilities: float64
    [v, k]. unreadable: how many of the listed videos are not among them. short: how many of those
    that are have fewer frames than a clip.
    """

    index: NDArray[Any]
    label: NDArray[Any]
    probabilities: NDArray[Any]
    unreadable: int
    short: int

    @cached_property
    def top(self) -> NDArray[Any]:
        """The best classes of each video, best first: int [v, 5], fewer with fewer classes."""
        return best_classes(self.probabilities)

    @property
    def right(self) -> NDArray[Any]:
        """Whether the best class of each video is its class, or one of them: bool [v]."""
        return top_hits(self.probabilities, self.label, of=1)

    def metrics(self) -> dict[str, float]:
        """The value of every metric that is defined for the labels, by its name in METRICS."""
        return {
            name: metric.value(self.probabilities, self.label)
            for name, metric in metrics_of(self.label).items()
        }

    def per_class(self, classes: int) -> list[float | None]:
        """Top-1 of each class, or its average precision where videos may have several.

        None for a class without a readable video.
        """
        if self.label.ndim == 2:
            return average_precisions(self.probabilities, self.label)
        right = self.right
        return [
            float(right[self.label == k].mean()) if (self.label == k).any() else None
            for k in range(classes)
        ]


class Predictor:
    """The compiled forward pass over a mesh: batches of videos in, rows on the host out."""

    def __init__(self, config: ModelConfig, mesh: Mesh):
        self._mesh, self._each = mesh, config.probabilities == "sigmoid"

        def forward(
            variables: Variables, text: TextFeatures | None, batch: dict[str, Any]
        ) -> dict[str, jax.Array]:
            logits = _logits(config, variables, text, batch["video"])
            wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
            return {"logits": wide, **{name: batch[name] for name in _PASSED_ON}}

        # Replicated: each host sees all rows, those of other hosts as well.
        self._forward = jax.jit(forward, out_shardings=replicated(mesh))

    def __call__(
        self, variables: Variables, text: TextFeatures | None, batches: Iterable[Batch]
    ) -> Iterator[Rows]:
        """Yields the rows of each batch, of all processes, while the devices compute the next.

        batches: this process's rows, `video` uint8 [b, t, h, w, 3] among them, or `TowerTokens` of
        it. `probabilities`, float64 [b, k], takes its place.
        """
        for on_devices in one_ahead(partial(self._begun, variables, text), batches):
            rows = {name: np.asarray(values) for name, values in on_devices.items()}
            # In float64, or close logits could become equal probabilities and change their order.
            logits = rows.pop("logits").astype(np.float64)
            shares = expit(logits) if self._each else softmax(logits, axis=1)
            yield rows | {"probabilities": shares}

    def _begun(
        self, variables: Variables, text: TextFeatures | None, batch: Batch
    ) -> dict[str, jax.Array]:
        """The rows of a batch on the devices, which may still compute them."""
        needed = {name: batch[name] for name in ("video", *_PASSED_ON)}
        with jax.set_mesh(self._mesh):
            on_devices: dict[str, jax.Array] = self._forward(
                variables, text, put_batch(self._mesh, needed)
            )
        return on_devices


def _logits(
    config: ModelConfig, variables: Variables, text: TextFeatures | None, clips: Any
) -> Logits:
    """What the model says of clips, or of the tokens that its image tower gave for them."""
    if isinstance(clips, TowerTokens):
        return model.apply_to_tokens(config, variables, clips, text, None)[0].logits
    return logits_of(config, variables, text, clips)


def collect(
    predict: Callable[[Iterator[Batch]], Iterator[Rows]],
    batches: Iterable[Batch],
    *,
    listed: int,
    on_bad: Callable[[NDArray[Any]], None] = lambda bad: None,
    stop: Callable[[], bool] = lambda: False,
) -> Predictions | None:
    """Predictions for all batches; None when `stop` said so in between, on any process.

    predict: as a `Predictor`, which may ask for the next batch before it gives the rows of one.
    listed: how many videos there are. on_bad: is given the `bad` of every global batch.
    Errors: ValueError when none could be read.
    """
    done, short = [], 0
    # What this process was asked goes through the devices and comes back from all processes: they
    # leave the loop at the same batch, and none waits for one that has left.
    asked = (batch | {"stop": np.full(len(batch["label"]), stop())} for batch in batches)
    alone = jax.process_count() == 1
    for rows in predict(asked):
        # Who is alone does not wait for the batch that has begun already.
        if rows["stop"].any() or (alone and stop()):
            return None
        on_bad(rows["bad"])
        # The mask leaves out unreadable videos, and the padding that fills the last batch.
        short += int((rows["short"] & rows["mask"]).sum())
        done.append({name: rows[name][rows["mask"]] for name in _COLLECTED})
    return merge(done, listed=listed, short=short)


def merge(batches: list[dict[str, NDArray[Any]]], *, listed: int, short: int) -> Predictions:
    """Predictions from `index`, `label` and `probabilities` of the readable videos of all batches.

    Errors: ValueError when there are none.
    """
    if not any(len(rows["index"]) for rows in batches):
        raise ValueError(f"none of the {listed} videos to validate on could be read")
    merged = {name: np.concatenate([rows[name] for rows in batches]) for name in batches[0]}
    # Each process reads a share of the list, so that batches do not come in the list's order.
    order = np.argsort(merged["index"])
    in_order = {name: values[order] for name, values in merged.items()}
    return Predictions(**in_order, unreadable=listed - len(order), short=short)
