"""Exports models as ONNX programs, by the library jax2onnx; onnxruntime checks what it wrote."""

import importlib.metadata
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ila_jax.config import ModelConfig
from ila_jax.recognizer import Recognizer
from ila_jax.weights.card import Parity
from ila_jax.weights.exported import (
    Form,
    Where,
    check_inside,
    clip_shape,
    logits_from,
    needed,
    write_exported,
)

# Share of the largest logit, or of 1: the order of sums is onnxruntime's own.
TOLERANCE = 1e-4
_FILE, _BESIDE = "model.onnx", "model.onnx.data"
_INPUT, _OUTPUT = "video", "logits"
_USAGE = """\
A video recogniser as an ONNX program, with its normalisation. It needs onnxruntime and numpy.

```python
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
(logits,) = session.run(None, {{"video": video}})
# uint8 [b, {frames}, {resolution}, {resolution}, 3], RGB -> float32 [b, {count}]
```
"""


def write(recognizer: Recognizer, directory: str | Path, *, weights: Where, name: str) -> Parity:
    """Exports a model into a new folder, which appears whole and compared, or not at all.

    The folder has model.onnx, about.json, README.md, and model.onnx.data unless the weights are
    inside. The number of clips may be any. name: what the model card calls the checkpoint.
    Errors: those of `write_exported`; ValueError for a model with ATA, and RuntimeError for another
    one that jax2onnx cannot convert.
    """
    _check_convertible(recognizer.config)
    form = Form(
        write=_write_program,
        load=load_program,
        tolerance=TOLERANCE,
        beside=_BESIDE,
        usage=_USAGE,
        about={"platforms": ["onnxruntime"], "jax2onnx": importlib.metadata.version("jax2onnx")},
    )
    return write_exported(recognizer, directory, form, weights=weights, name=name)


def _check_convertible(config: ModelConfig) -> None:
    """Errors: ValueError for a model of which it is known that jax2onnx cannot convert it."""
    # Its matching on the device (`models/temporal/matching.py`) scatters within two nested loops,
    # which jax2onnx 0.13.0 has no rule for.
    if config.temporal == "ata":
        raise ValueError(
            "this model's temporal model is ata, whose matching of patches jax2onnx cannot convert "
            "to ONNX: expected another one. Export it with --format stablehlo"
        )


def load_program(folder: Path) -> Callable[[Any], np.ndarray]:
    """The exported program in a folder, run by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / _FILE, providers=["CPUExecutionProvider"])

    def call(video: Any) -> np.ndarray:
        (logits,) = session.run([_OUTPUT], {_INPUT: video})
        return np.asarray(logits)

    return call


def _write_program(recognizer: Recognizer, folder: Path, weights: Where) -> None:
    """Writes the program, with its weights in it or beside it."""
    import onnx

    arrays = needed(recognizer)
    if weights == "inside":
        check_inside(arrays)
    onnx.save_model(
        _converted(recognizer, arrays),
        folder / _FILE,
        save_as_external_data=weights == "beside",
        location=_BESIDE,
    )


def _converted(recognizer: Recognizer, arrays: dict[str, np.ndarray]) -> Any:
    """The model as an object of onnx. Errors: RuntimeError where that cannot be."""
    import jax2onnx

    # A name in the place of a number: any number of clips.
    video = jax.ShapeDtypeStruct(clip_shape(recognizer, "b"), np.uint8)
    # It logs a line for each shape that it leaves out, and warns of float64 that nobody asked for.
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return jax2onnx.to_onnx(
                lambda video: logits_from(recognizer, arrays, video),
                [video],
                input_names=[_INPUT],
                output_names=[_OUTPUT],
            )
    # It raises types of several libraries.
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise RuntimeError(
            f"jax2onnx {importlib.metadata.version('jax2onnx')} does not convert this model "
            f"({recognizer.config.temporal}) with jax {jax.__version__}: {lines[0][:200]}. Use "
            "--format stablehlo"
        ) from error
