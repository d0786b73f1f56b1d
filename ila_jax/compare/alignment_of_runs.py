"""What trained models align, clip by clip, in a file of each run."""

from pathlib import Path
from typing import Any

import numpy as np

from ila_jax.compare.runs import TrainingRun
from ila_jax.files.publish import publish
from ila_jax.pictures.alignment_measures import Measured
from ila_jax.pictures.model_alignment import measure_alignment
from ila_jax.pictures.scenes import read_scenes
from ila_jax.weights.run import load_run

# By measure and block, as of `measure_alignment`.
Measures = dict[tuple[str, int], Measured]


def write(run: TrainingRun) -> None:
    """Measures a trained run on the validation clips of its layout. Errors: ValueError."""
    recognizer = load_run(run.workdir, "best")
    scenes = read_scenes(Path(run.config.data.root), recognizer.views.recipe, lambda name: None)
    measured = measure_alignment(recognizer, scenes)
    arrays = {
        f"{measure}/{block}/{name}": values.astype(np.float32)
        for (measure, block), of_clips in measured.items()
        for name, values in of_clips._asdict().items()
    }
    publish(run.measures, lambda path: _save(path, arrays))


def _save(path: Path, arrays: dict[str, Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read(path: Path) -> Measures:
    """The measures that `write` wrote."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    keys = {tuple(name.split("/")[:2]) for name in arrays}
    return {
        (measure, int(block)): Measured(
            **{name: arrays[f"{measure}/{block}/{name}"] for name in Measured._fields}
        )
        for measure, block in sorted(keys)
    }
