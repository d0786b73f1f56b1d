"""Is a conversion right? PyTorch's own model beside ours, or a checksum there and back."""

import zlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from ila_jax.models import model
from ila_jax.models.heads import unit
from ila_jax.recognizer import Recognizer
from ila_jax.weights.conversion import Conversion
from ila_jax.weights.fresh import fill
from ila_jax.weights.references import Parts, Reference, end_of_text, of_folder, of_official
from ila_jax.weights.state_dict import official_state, read_state

# Of the largest value of a part: float32 through twelve to twenty-four blocks.
_TOLERANCE = 1e-4
_CLASSES = 3


def verify(conversion: Conversion) -> str:
    """A table of differences to PyTorch's model, or of a checksum where there is none.

    A folder is compared with the model that its own library makes of it.
    Errors: ValueError with the table when something differs, or why a folder cannot be compared.
    """
    foreign = conversion.foreign
    config, variables, origin = read_state(foreign.state, foreign.configuration)
    recognizer = Recognizer(config, fill(config, variables, seed=0), None, origin)
    xclip = origin.kind == "xclip"
    if foreign.configuration is not None:
        return _compared(recognizer, of_folder(foreign.configuration, xclip=xclip), xclip=xclip)
    if origin.kind in ("clip", "xclip"):
        reference = of_official(recognizer, xclip=xclip)
        if reference is not None:
            return _compared(recognizer, reference, xclip=xclip)
    return _checksums(recognizer, foreign.state)


def _checksums(recognizer: Recognizer, state: Mapping[str, np.ndarray]) -> str:
    """Converts back and compares the bits of every tensor."""
    back = official_state(recognizer)
    names = sorted(state.keys() | back.keys())
    wrong = [
        name
        for name in tqdm(names, desc="there and back", disable=None)
        if name not in state
        or name not in back
        or state[name].dtype != back[name].dtype
        or _bytes(state[name]) != _bytes(back[name])
    ]
    if wrong:
        raise ValueError(
            f"there and back, {len(wrong)} of {len(names)} tensors differ: {', '.join(wrong[:5])}"
        )
    total = 0
    for name in names:
        total = zlib.crc32(_bytes(back[name]), zlib.crc32(name.encode(), total))
    return (
        f"verify  {len(names)} tensors there and back are bit-equal, checksum {total:08x}. "
        "PyTorch's own model of it is not among the test dependencies: outputs were not compared"
    )


def _bytes(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def _compared(recognizer: Recognizer, reference: Reference, *, xclip: bool) -> str:
    """The table of parts: largest difference, and largest value of PyTorch's output."""
    geometry, frames = recognizer.config.geometry(), recognizer.config.frames
    random = np.random.default_rng(0)
    shape = (1, frames, geometry.resolution, geometry.resolution, 3)
    video = random.standard_normal(shape, np.float32)
    end = end_of_text(geometry)
    tokens = random.integers(1, end, (_CLASSES, geometry.context))
    tokens[:, -1] = end
    wanted = reference.parts(video, tokens)
    found = _ours(recognizer, video, tokens, xclip=xclip)
    assert wanted.keys() == found.keys()
    lines, wrong = [f"verify  {'part':24} {'difference':>11} {'largest value':>14}"], []
    for part, value in wanted.items():
        difference, largest = np.abs(found[part] - value).max(), np.abs(value).max()
        lines.append(f"        {part:24} {difference:11.2e} {largest:14.4f}")
        if not difference <= _TOLERANCE * max(largest, 1):
            wrong.append(part)
    table = "\n".join(lines)
    if wrong:
        raise ValueError(f"{reference.name} gives something else in {', '.join(wrong)}:\n{table}")
    worst = max(np.abs(found[p] - wanted[p]).max() for p in wanted)
    return f"{table}\nverify  equal to {reference.name}; the largest difference is {worst:.2e}"


def _ours(recognizer: Recognizer, video: np.ndarray, tokens: np.ndarray, *, xclip: bool) -> Parts:
    ours = model.bind(recognizer.config, recognizer.variables)
    tower, parts = ours.visual, dict[str, Any]()
    x = tower.norm_pre(tower.embed(jnp.asarray(video)))
    parts["image embedding"] = x
    for i, block in enumerate(tqdm(tower.blocks, desc="JAX", disable=None)):
        x, _ = block(x, None)
        parts[f"image block {i}"] = x
    parts["image features"] = tower.projection(tower.norm_post(x[:, :, 0]))
    parts["text features"] = recognizer.text_features(jnp.asarray(tokens))
    if xclip:
        parts["video features"] = ours.mit(parts["image features"])
        parts["logits"] = recognizer.logits(jnp.asarray(video), jnp.asarray(tokens))
    else:
        image, text = unit(parts["image features"]), unit(parts["text features"])
        scale = jnp.exp(recognizer.variables.params["head"]["logit_scale"])
        parts["logits"] = scale * jnp.einsum("bte,ke->btk", image, text)[0]
    return {name: np.asarray(value) for name, value in parts.items()}
