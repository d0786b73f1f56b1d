"""Verifies a conversion: `--verify` runs PyTorch's own model and ours, and compares each part.

It compares parts and not only the logits, so that the first line that differs says where a wrong
rule is. Where no model of PyTorch can be had, all tensors go there and back, and their bits are
compared.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from ila_jax.models import model
from ila_jax.models.layers import unit
from ila_jax.recognizer import Recognizer
from ila_jax.weights.conversion import Conversion
from ila_jax.weights.fresh import fill
from ila_jax.weights.references import Outputs, Reference, end_of_text, of_folder, of_official
from ila_jax.weights.state_dict import official_state, read_state

# Share of the largest value of a part: what float32 loses in twelve to twenty-four blocks.
_TOLERANCE = 1e-4
_CLASSES = 3  # texts of random tokens that the video is compared with


def verify(conversion: Conversion) -> str:
    """A table of the differences from PyTorch's model, or a checksum where there is no such model.

    A folder is compared with the model that its own library makes of it.
    Errors: ValueError with the table when something differs, or why a folder cannot be compared.
    """
    foreign = conversion.foreign
    # The file's own model, and not the one that was made of it, which may have other frames.
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
    """Converts the weights back and compares the bits of every tensor with the file's.

    Errors: ValueError naming those that differ.
    """
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
        "Outputs were not compared: there is no model of PyTorch here to compare them with"
    )


def _bytes(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array).tobytes()


def _compared(recognizer: Recognizer, reference: Reference, *, xclip: bool) -> str:
    """The table of parts: largest difference, and largest value of PyTorch's output.

    Errors: ValueError with the table where a part differs by more than the tolerance.
    """
    geometry, frames = recognizer.config.geometry(), recognizer.config.frames
    random = np.random.default_rng(0)
    shape = (1, frames, geometry.resolution, geometry.resolution, 3)
    video = random.standard_normal(shape, np.float32)
    # Only the last token is the end, where the features of a text are read.
    end = end_of_text(geometry)
    tokens = random.integers(1, end, (_CLASSES, geometry.context))
    tokens[:, -1] = end
    theirs = reference.outputs(video, tokens)
    ours = _ours(recognizer, video, tokens, xclip=xclip)
    assert theirs.keys() == ours.keys()
    lines, wrong = [f"verify  {'part':24} {'difference':>11} {'largest value':>14}"], []
    for part, value in theirs.items():
        difference, largest = np.abs(ours[part] - value).max(), np.abs(value).max()
        lines.append(f"        {part:24} {difference:11.2e} {largest:14.4f}")
        # "not <=", which a NaN fails as well.
        if not difference <= _TOLERANCE * max(largest, 1):
            wrong.append(part)
    table = "\n".join(lines)
    if wrong:
        raise ValueError(f"{reference.name} gives something else in {', '.join(wrong)}:\n{table}")
    worst = max(np.abs(ours[part] - theirs[part]).max() for part in theirs)
    return f"{table}\nverify  equal to {reference.name}; the largest difference is {worst:.2e}"


def _ours(recognizer: Recognizer, video: np.ndarray, tokens: np.ndarray, *, xclip: bool) -> Outputs:
    """What the same parts of our model give."""
    ours = model.bind(recognizer.config, recognizer.variables)
    tower, outputs = ours.visual, dict[str, Any]()
    x = tower.norm_pre(tower.embed(jnp.asarray(video)))
    outputs["image embedding"] = x
    for i, block in enumerate(tqdm(tower.blocks, desc="JAX", disable=None)):
        x, _ = block(x, None)
        outputs[f"image block {i}"] = x
    outputs["image features"] = tower.projection(tower.norm_post(x[:, :, 0]))
    outputs["text features"] = recognizer.text_features(jnp.asarray(tokens))
    if xclip:
        outputs["video features"] = ours.mit(outputs["image features"])
        outputs["logits"] = recognizer.logits(jnp.asarray(video), jnp.asarray(tokens))
    else:
        # As CLIPModel compares images with texts: each frame is an image.
        image, text = unit(outputs["image features"]), unit(outputs["text features"])
        scale = jnp.exp(recognizer.variables.params["head"]["logit_scale"])
        outputs["logits"] = scale * jnp.einsum("bte,ke->btk", image, text)[0]
    return {name: np.asarray(value) for name, value in outputs.items()}
