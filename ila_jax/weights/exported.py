"""Writes an exported model as a folder: the program, what it is, and what was measured of it.

`Form` is a format of programs, StableHLO or ONNX. Whichever it is, the program is of the inference
form, computes in float32 and takes uint8 frames: what surrounds a model here is in it.
"""

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from ila_jax.files.json_files import json_text
from ila_jax.files.printable import printable
from ila_jax.models.forward import logits_of
from ila_jax.models.paths import by_path, from_paths
from ila_jax.recognizer import Recognizer
from ila_jax.shapes import Logits, Pixels
from ila_jax.weights.card import Parity, card
from ila_jax.weights.destinations import check_free
from ila_jax.weights.digest import digest

Where = Literal["inside", "beside"]  # the weights: in the program, or in a file next to it
Flat = dict[str, Any]  # arrays by path

_TEXT = "params/text/"
_BATCHES = (1, 3)  # clips that the exported model is compared on: one, and more
# Accelerators would round the factors of products to TF32 or bfloat16. It is a part of the program.
_PRECISION = "highest"
_MOST_INSIDE = 2_000_000_000  # bytes: FlatBuffers and protocol buffers end at 2 GiB


@dataclass(frozen=True, kw_only=True)
class Form:
    """A format of exported programs.

    write: writes the program of a model, in its inference form and float32, into a folder. load:
    the program in a folder, as a function of uint8 clips. tolerance: share of the largest logit, or
    of 1, that it may differ from the model. beside: the file of the weights, where they have one.
    usage: what the card says of how it is called. about: what `about.json` says of the format.
    """

    write: Callable[[Recognizer, Path, Where], None]
    load: Callable[[Path], Callable[[Any], Any]]
    tolerance: float
    beside: str
    usage: str
    about: Mapping[str, Any]


def write_exported(
    recognizer: Recognizer, directory: str | Path, form: Form, *, weights: Where, name: str
) -> Parity:
    """Exports a model into a new folder, which appears whole and compared, or not at all.

    The folder has the program, about.json and README.md. name: what these call the checkpoint.
    Errors: ValueError for a folder that exists, a model without class names, weights that do not
    fit inside; RuntimeError when the exported model does not agree.
    """
    target = Path(directory).absolute()
    check_free(target, force=False)
    plain = in_float32(recognizer)
    # Beside the target, and so on the same disk, where a rename happens at once.
    partly = target.with_name(f".{target.name}.partly")
    shutil.rmtree(partly, ignore_errors=True)
    partly.mkdir(parents=True)
    try:
        # Folded in float32, and not in what the model was trained in.
        with jax.default_matmul_precision(_PRECISION):
            form.write(plain.for_inference(), partly, weights)
        # Read back from the disk, as a user will: the comparison is of what was written. With the
        # model itself, and not with what the program was made of, so that folding is compared too.
        with jax.default_matmul_precision(_PRECISION):
            parity = compare(plain, form.load(partly), form.tolerance)
        about = _about(plain, form, name=name, weights=weights, parity=parity)
        (partly / "about.json").write_text(json_text(about, indent=2), encoding="utf-8")
        where = form.beside if weights == "beside" else "the program itself"
        text = card(recognizer, about, parity, usage=form.usage, where=where)
        (partly / "README.md").write_text(printable(text), encoding="utf-8")
        partly.rename(target)
    finally:
        shutil.rmtree(partly, ignore_errors=True)
    return parity


def in_float32(recognizer: Recognizer) -> Recognizer:
    """The same model, but computing in float32 throughout, whatever it was trained in.

    Errors: ValueError for a model without class names.
    """
    # Rematerialisation is of training alone, and would be in the program.
    config = dataclasses.replace(recognizer.config, precision="float32", remat="none")
    variables = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), recognizer.variables)
    names, views = recognizer.check_named(), recognizer.views
    return Recognizer(config, variables, names, recognizer.origin, views, recognizer.temperature)


def compare(recognizer: Recognizer, call: Callable[[Any], Any], tolerance: float) -> Parity:
    """Compares an exported model with a model, on random clips.

    recognizer: in float32, as it was trained. call: the exported one. Errors: RuntimeError where
    they differ by more than this share of the largest logit, or of 1.
    """
    flat = needed(recognizer)
    shape = clip_shape(recognizer, max(_BATCHES))
    video = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ours = jax.jit(lambda weights, video: logits_from(recognizer, weights, video))
    expected = np.asarray(ours(flat, video))
    largest = float(np.abs(expected).max())
    differences = [
        np.abs(np.asarray(call(video[:batch])) - expected[:batch]).max() for batch in _BATCHES
    ]
    worst = float(np.max(differences))
    # "not <=", which a NaN fails as well.
    if not worst <= tolerance * max(1.0, largest):
        raise RuntimeError(
            f"the exported model differs from the model by {worst:.1e} in logits of up to "
            f"{largest:.3g}: nothing was written. Please report this, with the checkpoint's config"
        )
    return Parity(worst, largest, _BATCHES, jax.devices()[0].device_kind)


def needed(recognizer: Recognizer) -> dict[str, np.ndarray]:
    """The weights by path, without the text tower: the features of the classes stand for it."""
    flat = by_path(recognizer.variables._asdict())
    arrays = {path: np.asarray(x) for path, x in flat.items() if not path.startswith(_TEXT)}
    if recognizer.config.head == "text":
        arrays["class_features"] = np.asarray(recognizer.class_features)
    return arrays


def check_inside(arrays: Flat) -> None:
    """Errors: ValueError for weights that are too large to be in the program itself."""
    size = sum(x.nbytes for x in arrays.values())
    if size > _MOST_INSIDE:
        raise ValueError(
            f"the weights are {size / 1e9:.1f} GB, and a program holds 2 GB: use --weights beside"
        )


def logits_from(recognizer: Recognizer, weights: Flat, video: Pixels) -> Logits:
    """What the program computes. weights: as `needed` gives them."""
    paths = by_path(recognizer.variables._asdict())
    arrays = {path: jnp.asarray(x) for path, x in weights.items()}
    text = arrays.pop("class_features", None)
    # The text tower is not called: anything will do for its weights.
    flat = {path: text if path.startswith(_TEXT) else arrays[path] for path in paths}
    # Of the form that the recognizer is in. Trees without arrays have no paths.
    variables = type(recognizer.variables)(**({"batch_stats": {}} | from_paths(flat)))
    return logits_of(recognizer.config, variables, text, video)


def clip_shape(recognizer: Recognizer, batch: Any) -> tuple[Any, ...]:
    """The shape of clips. batch: a number, or a symbol that stands for any."""
    size = recognizer.config.geometry().resolution
    return (batch, recognizer.config.frames, size, size, 3)


def _about(
    recognizer: Recognizer, form: Form, *, name: str, weights: Where, parity: Parity
) -> dict[str, Any]:
    """What `about.json` says: all that a program that uses the model needs to know."""
    config = recognizer.config
    return {
        "input": ["b", *clip_shape(recognizer, 0)[1:]],
        "classes": list(recognizer.check_named()),
        "checkpoint": name,
        "weights": weights,
        "weights_sha256": digest(recognizer.variables),
        **form.about,
        "model": dataclasses.asdict(config),
        "views": dataclasses.asdict(recognizer.views),
        # What logits are divided by before the softmax, or sigmoid; null leaves them as they are.
        "temperature": recognizer.temperature,
        "parity": dataclasses.asdict(parity),
        "jax": jax.__version__,
    }
