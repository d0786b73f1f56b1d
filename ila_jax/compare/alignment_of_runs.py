"""What trained models align, clip by clip, and what it is good for, in files of each run."""

from pathlib import Path

import numpy as np

from ila_jax.compare.runs import TrainingRun
from ila_jax.files.arrays import publish_arrays, read_arrays
from ila_jax.pictures.alignment_measures import Measured
from ila_jax.pictures.model_alignment import measure_alignment
from ila_jax.pictures.moving_objects import maps_of
from ila_jax.pictures.replaced_masks import named_with_replaced_masks
from ila_jax.pictures.scenes import read_scenes
from ila_jax.weights.run import load_run

# By measure and block, as of `measure_alignment`.
Measures = dict[tuple[str, int], Measured]


def write(run: TrainingRun) -> None:
    """Measures a trained run on the validation clips of its layout. Errors: ValueError.

    What is measured already is kept.
    """
    recognizer = load_run(run.workdir, "best")
    scenes = read_scenes(Path(run.config.data.root), recognizer.views.recipe, lambda name: None)
    maps = maps_of(recognizer, scenes.clips)
    if not run.measures.exists():
        _write_measures(measure_alignment(recognizer, scenes, maps), run.measures)
    if not run.replaced_masks.exists():
        named = named_with_replaced_masks(recognizer, scenes.clips, maps)
        publish_arrays(run.replaced_masks, named)


def _write_measures(measured: Measures, path: Path) -> None:
    arrays = {
        f"{measure}/{block}/{name}": values.astype(np.float32)
        for (measure, block), of_clips in measured.items()
        for name, values in of_clips._asdict().items()
    }
    publish_arrays(path, arrays)


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
