"""Exports models as StableHLO programs, which run wherever jax runs, without this package.

`write` makes a folder with the program, a module that loads it, a description and a model card. The
program is of the inference form, computes in float32 and takes uint8 frames: what surrounds a model
here is in it.
"""

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from ila_jax.files.json_files import json_text
from ila_jax.files.printable import printable
from ila_jax.models.forward import logits_of
from ila_jax.models.paths import by_path, from_paths
from ila_jax.recognizer import Recognizer
from ila_jax.shapes import Logits, Pixels
from ila_jax.weights import load_exported
from ila_jax.weights.card import Parity, card
from ila_jax.weights.destinations import check_exportable
from ila_jax.weights.digest import digest

Where = Literal["inside", "beside"]  # the weights: in the program, or in a file next to it
Flat = dict[str, Any]  # arrays by path

# The program is the same for all of them; only the CPU's was run here.
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
_TEXT = "params/text/"
_BATCHES = (1, 3)  # clips that the exported model is compared on: one, and more
# Share of the largest logit, or of 1: float32 has seven digits, and a folded form sums otherwise.
TOLERANCE = 1e-5
# Accelerators would round the factors of products to TF32 or bfloat16. It is a part of the program.
_PRECISION = "highest"
_MOST_INSIDE = 2_000_000_000  # bytes: FlatBuffers end at 2 GiB


@dataclass(frozen=True)
class Program:
    """A program and what it takes before the video: the weights, or nothing if they are inside."""

    exported: export.Exported
    weights: dict[str, np.ndarray]


def write(recognizer: Recognizer, directory: str | Path, *, weights: Where, name: str) -> Parity:
    """Exports a model into a new folder, which appears whole and compared, or not at all.

    The folder has model.stablehlo, load.py, about.json, README.md, and weights.npz unless the
    weights are inside. name: what the model card calls the checkpoint.
    Errors: ValueError for a folder that exists, a model without class names, weights that do not
    fit inside; RuntimeError when flatbuffers is missing, or the exported model does not agree.
    """
    target = Path(directory).absolute()
    check_exportable(target)
    plain = in_float32(recognizer)
    # Folded in float32, and not in what the model was trained in.
    with jax.default_matmul_precision(_PRECISION):
        program = make(plain.for_inference(), weights=weights)
    # Beside the target, and so on the same disk, where a rename happens at once.
    partly = target.with_name(f".{target.name}.partly")
    shutil.rmtree(partly, ignore_errors=True)
    partly.mkdir(parents=True)
    try:
        (partly / "model.stablehlo").write_bytes(program.exported.serialize())
        if program.weights:
            np.savez(partly / "weights.npz", **program.weights)  # type: ignore[arg-type]
        shutil.copy(load_exported.__file__, partly / "load.py")
        # Read back from the disk, as a user will: the comparison is of what was written. With the
        # model itself, and not with what the program was made of, so that folding is compared too.
        with jax.default_matmul_precision(_PRECISION):
            parity = compare(plain, partly)
        about = _about(plain, name=name, weights=weights, parity=parity)
        (partly / "about.json").write_text(json_text(about, indent=2), encoding="utf-8")
        (partly / "README.md").write_text(
            printable(card(recognizer, about, parity)), encoding="utf-8"
        )
        partly.rename(target)
    finally:
        shutil.rmtree(partly, ignore_errors=True)
    return parity


def make(recognizer: Recognizer, *, weights: Where) -> Program:
    """The program from uint8 clips [b, t, h, w, 3] to logits [b, k], for any b.

    Normalisation is inside, and so are the features of the class names: there is no text tower.
    recognizer: a model that computes in float32. Errors: ValueError for weights that are too large
    to be inside.
    """
    flat = _needed(recognizer)
    video = jax.ShapeDtypeStruct(_shape(recognizer, export.symbolic_shape("b")[0]), np.uint8)
    if weights == "beside":
        like = {path: jax.ShapeDtypeStruct(x.shape, x.dtype) for path, x in flat.items()}
        both = jax.jit(lambda weights, video: _logits(recognizer, weights, video))
        return Program(export.export(both, platforms=PLATFORMS)(like, video), flat)
    size = sum(x.nbytes for x in flat.values())
    if size > _MOST_INSIDE:
        raise ValueError(
            f"the weights are {size / 1e9:.1f} GB, and a program holds 2 GB: use --weights beside"
        )
    alone = jax.jit(lambda video: _logits(recognizer, flat, video))
    return Program(export.export(alone, platforms=PLATFORMS)(video), {})


def in_float32(recognizer: Recognizer) -> Recognizer:
    """The same model, but computing in float32 throughout, whatever it was trained in.

    Errors: ValueError for a model without class names.
    """
    # Rematerialisation is of training alone, and would be in the program.
    config = dataclasses.replace(recognizer.config, precision="float32", remat="none")
    variables = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), recognizer.variables)
    return Recognizer(
        config, variables, recognizer.check_named(), recognizer.origin, recognizer.views
    )


def compare(recognizer: Recognizer, folder: Path) -> Parity:
    """Compares the exported model in a folder with a model, on random clips.

    recognizer: in float32, as it was trained. Errors: RuntimeError where they differ by more than
    TOLERANCE.
    """
    call, flat = load_exported.load(folder), _needed(recognizer)
    shape = _shape(recognizer, max(_BATCHES))
    video = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ours = jax.jit(lambda weights, video: _logits(recognizer, weights, video))
    expected = np.asarray(ours(flat, video))
    largest = float(np.abs(expected).max())
    differences = [
        np.abs(np.asarray(call(video[:batch])) - expected[:batch]).max() for batch in _BATCHES
    ]
    worst = float(np.max(differences))
    # "not <=", which a NaN fails as well.
    if not worst <= TOLERANCE * max(1.0, largest):
        raise RuntimeError(
            f"the exported model differs from the model by {worst:.1e} in logits of up to "
            f"{largest:.3g}: nothing was written. Please report this, with the checkpoint's config"
        )
    return Parity(worst, largest, _BATCHES, jax.devices()[0].device_kind)


def _needed(recognizer: Recognizer) -> dict[str, np.ndarray]:
    """The weights by path, without the text tower: the features of the classes stand for it."""
    flat = by_path(recognizer.variables._asdict())
    arrays = {path: np.asarray(x) for path, x in flat.items() if not path.startswith(_TEXT)}
    if recognizer.config.head == "text":
        arrays["class_features"] = np.asarray(recognizer.class_features)
    return arrays


def _logits(recognizer: Recognizer, weights: Flat, video: Pixels) -> Logits:
    """What the program computes. weights: as `_needed` gives them."""
    paths = by_path(recognizer.variables._asdict())
    arrays = {path: jnp.asarray(x) for path, x in weights.items()}
    text = arrays.pop("class_features", None)
    # The text tower is not called: anything will do for its weights.
    flat = {path: text if path.startswith(_TEXT) else arrays[path] for path in paths}
    # Of the form that the recognizer is in. Trees without arrays have no paths.
    variables = type(recognizer.variables)(**({"batch_stats": {}} | from_paths(flat)))
    return logits_of(recognizer.config, variables, text, video)


def _shape(recognizer: Recognizer, batch: Any) -> tuple[Any, ...]:
    """The shape of clips. batch: a number, or a symbol that stands for any."""
    size = recognizer.config.geometry().resolution
    return (batch, recognizer.config.frames, size, size, 3)


def _about(recognizer: Recognizer, *, name: str, weights: Where, parity: Parity) -> dict[str, Any]:
    """What `about.json` says: all that a program that uses the model needs to know."""
    config = recognizer.config
    return {
        "input": ["b", *_shape(recognizer, 0)[1:]],
        "classes": list(recognizer.check_named()),
        "checkpoint": name,
        "weights": weights,
        "weights_sha256": digest(recognizer.variables),
        "platforms": list(PLATFORMS),
        "model": dataclasses.asdict(config),
        "views": dataclasses.asdict(recognizer.views),
        "parity": dataclasses.asdict(parity),
        "jax": jax.__version__,
    }
