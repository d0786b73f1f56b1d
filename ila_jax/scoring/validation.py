"""Accuracy over a whole set, every video once on any number of devices."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax
import numpy as np
from jax.sharding import Mesh

from ila_jax.config import ModelConfig
from ila_jax.data.clips.pipeline import Batch
from ila_jax.job.sharding import put_batch, replicated
from ila_jax.models.model import Variables
from ila_jax.recognizer import logits_of
from ila_jax.shapes import TextFeatures

_BEST = 5
# Rows of a batch that go with its predictions.
_KEPT = ("index", "label", "mask", "short", "bad", "stop")


@dataclass(frozen=True)
class Predictions:
    """The videos that could be read, in the order of the list.

    index, label: int [v]. top: int [v, 5], the best classes of each, best first (fewer where there
    are fewer classes). unreadable: how many of the listed videos are not among them. short: how
    many of those that are have fewer frames than a clip.
    """

    index: np.ndarray
    label: np.ndarray
    top: np.ndarray
    unreadable: int
    short: int

    @property
    def top1(self) -> float:
        """Share whose best class is right."""
        return float((self.top[:, 0] == self.label).mean())

    @property
    def top5(self) -> float:
        """Share whose class is among the best five."""
        return float((self.top == self.label[:, None]).any(axis=1).mean())

    def per_class(self, classes: int) -> list[float | None]:
        """Top-1 of each class; None for a class without a readable video."""
        right = self.top[:, 0] == self.label
        return [
            float(right[self.label == k].mean()) if (self.label == k).any() else None
            for k in range(classes)
        ]


class Predictor:
    """The compiled forward pass over a mesh: a batch of videos in, rows on the host out."""

    def __init__(self, config: ModelConfig, mesh: Mesh):
        self._mesh = mesh

        def top(
            variables: Variables, text: TextFeatures | None, batch: dict[str, jax.Array]
        ) -> dict[str, jax.Array]:
            logits = logits_of(config, variables, text, batch["video"])
            best = jax.lax.top_k(logits, min(_BEST, logits.shape[-1]))[1]
            return {"top": best, **{name: batch[name] for name in _KEPT}}

        # Replicated: each host sees all rows, those of other hosts as well.
        self._top = jax.jit(top, out_shardings=replicated(mesh))

    def __call__(
        self, variables: Variables, text: TextFeatures | None, batch: Batch
    ) -> dict[str, np.ndarray]:
        """`top` int [b, 5], and what the batch says of its rows, of the global batch."""
        needed = {name: batch[name] for name in ("video", *_KEPT)}
        with jax.set_mesh(self._mesh):
            rows = self._top(variables, text, put_batch(self._mesh, needed))
        return {name: np.asarray(values) for name, values in rows.items()}


def collect(
    predict: Callable[[Batch], dict[str, np.ndarray]],
    batches: Iterator[Batch],
    *,
    listed: int,
    met: Callable[[np.ndarray], None] = lambda bad: None,
    stop: Callable[[], bool] = lambda: False,
) -> Predictions | None:
    """Predictions for all batches; None when `stop` said so in between, on any process.

    listed: how many videos there are. met: is shown the `bad` of every global batch.
    Errors: ValueError when none could be read.
    """
    found, short = [], 0
    for batch in batches:
        rows = predict(batch | {"stop": np.full(len(batch["label"]), stop())})
        if rows["stop"].any():
            return None
        met(rows["bad"])
        short += int((rows["short"] & rows["mask"]).sum())
        found.append({name: rows[name][rows["mask"]] for name in ("index", "label", "top")})
    return merge(found, listed=listed, short=short)


def merge(found: list[dict[str, np.ndarray]], *, listed: int, short: int) -> Predictions:
    """Predictions from `index`, `label` and `top` of the readable videos of all batches.

    Errors: ValueError when there are none.
    """
    if not any(len(rows["index"]) for rows in found):
        raise ValueError(f"none of the {listed} videos to validate on could be read")
    merged = {name: np.concatenate([rows[name] for rows in found]) for name in found[0]}
    order = np.argsort(merged["index"])
    sorted_rows = {name: values[order] for name, values in merged.items()}
    return Predictions(**sorted_rows, unreadable=listed - len(order), short=short)


def best(scores: np.ndarray) -> np.ndarray:
    """[b, k] to int [b, 5], the best classes first; of equals the one with the lower number."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :_BEST]
