"""What trained models align, clip by clip, in a file of each run."""

from pathlib import Path

import numpy as np

from ila_jax.compare.runs import TrainingRun
from ila_jax.files.arrays import publish_arrays, read_arrays
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
    publish_arrays(run.measures, arrays)


def read(path: Path) -> Measures:
    """The measures that `write` wrote."""
    arrays = read_arrays(path)
    keys = {tuple(name.split("/")[:2]) for name in arrays}
    return {
        (measure, int(block)): Measured(
            **{name: arrays[f"{measure}/{block}/{name}"] for name in Measured._fields}
        )
        for measure, block in sorted(keys)
    }
