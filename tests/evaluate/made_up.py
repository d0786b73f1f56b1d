"""A finished evaluation of real videos by made-up scores: its files, without running a model."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ila_jax.data.sources.opening import open_source
from ila_jax.data.video.bad import Reason
from ila_jax.evaluate import results
from ila_jax.evaluate.parts import ScoredParts
from ila_jax.evaluate.predictions import write_predictions
from ila_jax.evaluate.report import write_report
from ila_jax.evaluate.subject import Subject
from ila_jax.models.model import Variables
from ila_jax.recognizer import Recognizer
from tests.train import runs

# What a careless page would take for its own.
CLASS_NAMES = ("<script>alert('left')</script>", "right & up", *(f"class {k}" for k in range(6)))
CHECKPOINT = 'runs/"><b>mine</b>'
BAD = (3, Reason.DAMAGED)
_PART = 5  # videos


def subject(pairs: dict[str, object]) -> Subject:
    """16 videos of motion pairs. pairs: overrides, as `runs.data` gives."""
    config = runs.config(pairs | {"evaluation.clips": 2, "evaluation.crops": 3})
    # By the classes' numbers in the list, whatever they are called.
    opened = open_source(config.data.validation, root=config.data.root, class_names=CLASS_NAMES)
    assert opened.ids is not None
    recognizer = Recognizer(config.model, Variables({"w": np.arange(3.0)}, {}), CLASS_NAMES)
    return Subject(config, CHECKPOINT, 375, recognizer, opened.source, opened.ids, CLASS_NAMES)


def write_parts(folder: Path, of: Subject, *, seed: int, knowing: float = 0.0) -> ScoredParts:
    """What scoring would have left: 6 views' probabilities, and points.

    knowing: the part of the probability that the label gets before the rest is drawn.
    """
    rng, parts, count = np.random.default_rng(seed), ScoredParts(folder / "parts"), len(of.source)
    for first in range(0, count, _PART):
        end = min(first + _PART, count)
        index = np.array([i for i in range(first, end) if i != BAD[0]])
        shares = rng.dirichlet(np.full(8, 0.3), (len(index), 6))
        known = np.eye(8)[of.source.labels[index]][:, None]
        shares = ((1 - knowing) * shares + knowing * known).astype(np.float32)
        rows = {
            "index": index,
            "label": of.source.labels[index],
            "short": index == 1,
            "probabilities": shares,
            "points": rng.uniform(-0.75, 0.75, (len(index), 1, 3, 2, 2)).astype(np.float32),
            "bad": np.array([BAD] if first <= BAD[0] < end else []).reshape(-1, 2).astype(int),
        }
        parts.write(first, end, rows)
    return parts


def evaluation(folder: Path, of: Subject, *, seed: int = 0, knowing: float = 0.0) -> Path:
    """Writes all files of an evaluation into a folder; where the report is."""
    about = of.about()
    parts = write_parts(folder, of, seed=seed, knowing=knowing)
    results.claim(folder, about)
    videos = write_predictions(folder, of, parts)
    result = about | results.summary(of, videos)
    write_report(folder, of, result, videos)
    results.write_result(folder, result)
    return folder / results.REPORT


def backwards(of: Subject) -> Subject:
    """The same videos, listed from the last to the first."""
    order = np.arange(len(of.source))[::-1]
    return replace(of, source=_Reordered(of, order), ids=[of.ids[i] for i in order])


class _Reordered:
    def __init__(self, of: Subject, order: np.ndarray):
        self._source, self._order = of.source, order

    @property
    def labels(self) -> np.ndarray:
        return self._source.labels[self._order]

    @property
    def targets(self) -> np.ndarray | None:
        targets = self._source.targets
        return None if targets is None else targets[self._order]

    def __len__(self) -> int:
        return len(self._order)

    def name(self, index: int) -> str:
        return self._source.name(self._order[index])

    def read(self, index: int) -> bytes:
        return self._source.read(self._order[index])
