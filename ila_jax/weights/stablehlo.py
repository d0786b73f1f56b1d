"""Exports models as StableHLO programs, which run wherever jax runs, without this package."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from jax import export

from ila_jax.recognizer import Recognizer
from ila_jax.weights import load_exported
from ila_jax.weights.card import Parity
from ila_jax.weights.destinations import check_exportable
from ila_jax.weights.exported import (
    Flat,
    Form,
    Where,
    check_inside,
    clip_shape,
    logits_from,
    needed,
    write_exported,
)

# The program is the same for all of them; only the CPU's was run here.
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
# float32 has seven digits, and a folded form sums otherwise.
TOLERANCE = 1e-5
_USAGE = """\
A video recogniser as a StableHLO program, with its normalisation. It needs jax and flatbuffers.

```python
from load import load  # load.py in this folder

logits = load()(video)  # uint8 [b, {frames}, {resolution}, {resolution}, 3], RGB -> [b, {count}]
```
"""


@dataclass(frozen=True)
class Program:
    """A program and what it takes before the video: the weights, or nothing if they are inside."""

    exported: export.Exported
    weights: Flat


def write(recognizer: Recognizer, directory: str | Path, *, weights: Where, name: str) -> Parity:
    """Exports a model into a new folder, which appears whole and compared, or not at all.

    The folder has model.stablehlo, load.py, about.json, README.md, and weights.npz unless the
    weights are inside. name: what the model card calls the checkpoint.
    Errors: those of `write_exported`; RuntimeError when flatbuffers is missing.
    """
    check_exportable(Path(directory).absolute())
    form = Form(
        write=_write_program,
        load=load_exported.load,
        tolerance=TOLERANCE,
        beside="weights.npz",
        usage=_USAGE,
        about={"platforms": list(PLATFORMS)},
    )
    return write_exported(recognizer, directory, form, weights=weights, name=name)


def _write_program(recognizer: Recognizer, folder: Path, weights: Where) -> None:
    """Writes the program, its weights, and what loads both."""
    program = make(recognizer, weights=weights)
    (folder / "model.stablehlo").write_bytes(program.exported.serialize())
    if program.weights:
        np.savez(folder / "weights.npz", **program.weights)
    shutil.copy(load_exported.__file__, folder / "load.py")


def make(recognizer: Recognizer, *, weights: Where) -> Program:
    """The program from uint8 clips [b, t, h, w, 3] to logits [b, k], for any b.

    Normalisation is inside, and so are the features of the class names: there is no text tower.
    recognizer: a model that computes in float32. Errors: ValueError for weights that are too large
    to be inside.
    """
    flat = needed(recognizer)
    video = jax.ShapeDtypeStruct(clip_shape(recognizer, export.symbolic_shape("b")[0]), np.uint8)
    if weights == "beside":
        like = {path: jax.ShapeDtypeStruct(x.shape, x.dtype) for path, x in flat.items()}
        both = jax.jit(lambda weights, video: logits_from(recognizer, weights, video))
        return Program(export.export(both, platforms=PLATFORMS)(like, video), flat)
    check_inside(flat)
    alone = jax.jit(lambda video: logits_from(recognizer, flat, video))
    return Program(export.export(alone, platforms=PLATFORMS)(video), {})
