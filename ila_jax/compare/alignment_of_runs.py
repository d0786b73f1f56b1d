"""What trained models align, clip by clip, and what it is good for, in files of each run."""

from pathlib import Path

import numpy as np

from ila_jax.compare.runs import TrainingRun
from ila_jax.files.arrays import publish_arrays, read_arrays
from ila_jax.pictures.alignment_measures import Measured
from ila_jax.pictures.model_alignment import measure_alignment
from ila_jax.pictures.replaced_masks import named_with_replaced_masks
from ila_jax.pictures.scenes import Scenes, read_scenes
from ila_jax.recognizer import Recognizer
from ila_jax.weights.run import load_run

# By measure and block, as of `measure_alignment`.
Measures = dict[tuple[str, int], Measured]


def write(run: TrainingRun) -> None:
    """Measures a trained run on the validation clips of its layout. Errors: ValueError.

    What is measured already is kept.
    """
    recognizer = load_run(run.workdir, "best")
    scenes = read_scenes(Path(run.config.data.root), recognizer.views.recipe, lambda name: None)
    if not run.measures.exists():
        _write_measures(run, recognizer, scenes)
    if not run.replaced_masks.exists():
        publish_arrays(run.replaced_masks, named_with_replaced_masks(recognizer, scenes))


def _write_measures(run: TrainingRun, recognizer: Recognizer, scenes: Scenes) -> None:
    measured = measure_alignment(recognizer, scenes)
    arrays = {
        f"{measure}/{block}/{name}": values.astype(np.float32)
        for (measure, block), of_clips in measured.items()
        for name, values in of_clips._asdict().items()
    }
    publish_arrays(run.measures, arrays)


def read(path: Path) -> Measures:
    """The measures that `write` wrote; of replaced masks `read_arrays` reads the file."""
    arrays = read_arrays(path)
    keys = {tuple(name.split("/")[:2]) for name in arrays}
    return {
        (measure, int(block)): Measured(
            **{name: arrays[f"{measure}/{block}/{name}"] for name in Measured._fields}
        )
        for measure, block in sorted(keys)
    }
