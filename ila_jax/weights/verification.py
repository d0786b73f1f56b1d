"""Is a conversion right? PyTorch's own model beside ours, or a checksum there and back."""

import importlib.util
import zlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from einops import rearrange
from tqdm import tqdm

from ila_jax.models import model
from ila_jax.recognizer import Recognizer
from ila_jax.sizes import Geometry, heads
from ila_jax.weights import huggingface
from ila_jax.weights.conversion import Conversion
from ila_jax.weights.fresh import fill
from ila_jax.weights.state_dict import official_state, read_state, to_tensor

# Of the largest value of a part: float32 through twelve to twenty-four blocks.
_TOLERANCE = 1e-4
_CLASSES = 3

Parts = dict[str, np.ndarray]


def verify(conversion: Conversion) -> str:
    """A table of differences to PyTorch's model, or of a checksum where there is none.

    Errors: ValueError with the table when something differs.
    """
    config, variables, origin = read_state(conversion.foreign.state)
    recognizer = Recognizer(config, fill(config, variables, seed=0), None, origin)
    there = importlib.util.find_spec
    if origin.kind in ("clip", "xclip") and there("torch") and there("transformers"):
        return _compared(recognizer, xclip=origin.kind == "xclip")
    return _checksums(recognizer, conversion.foreign.state)


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


def _compared(recognizer: Recognizer, *, xclip: bool) -> str:
    """The table of parts: largest difference, and largest value of PyTorch's output."""
    geometry, frames = recognizer.config.geometry(), recognizer.config.frames
    random = np.random.default_rng(0)
    shape = (1, frames, geometry.resolution, geometry.resolution, 3)
    video = random.standard_normal(shape, np.float32)
    tokens = random.integers(1, geometry.vocabulary - 1, (_CLASSES, geometry.context))
    tokens[:, -1] = geometry.vocabulary - 1  # the end of a text
    wanted = _theirs(recognizer, video, tokens, xclip=xclip)
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
        raise ValueError(f"PyTorch's model gives something else in {', '.join(wrong)}:\n{table}")
    worst = max(np.abs(found[p] - wanted[p]).max() for p in wanted)
    return f"{table}\nverify  equal to PyTorch's model; the largest difference is {worst:.2e}"


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
    return {name: np.asarray(value) for name, value in parts.items()}


def _theirs(recognizer: Recognizer, video: np.ndarray, tokens: np.ndarray, *, xclip: bool) -> Parts:
    """The same of transformers' model, with the same weights in float32."""
    import torch

    frames = recognizer.config.frames
    theirs = _model(recognizer, xclip=xclip)
    parts: Parts = {}

    def keep(name: str) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            value = output if isinstance(output, torch.Tensor) else output[0]
            parts[name] = rearrange(value.numpy(), "(b t) ... -> b t ...", t=frames)

        return hook

    vision = theirs.vision_model
    norm = vision.pre_layernorm if xclip else vision.pre_layrnorm
    norm.register_forward_hook(keep("image embedding"))
    for i, layer in enumerate(vision.encoder.layers):
        layer.register_forward_hook(keep(f"image block {i}"))
    theirs.visual_projection.register_forward_hook(keep("image features"))
    pixels = torch.from_numpy(rearrange(video, "b t h w c -> b t c h w").copy())
    ids = torch.from_numpy(tokens)
    with torch.no_grad():
        text = theirs.text_projection(theirs.text_model(input_ids=ids).pooler_output)
        if xclip:
            output = theirs(input_ids=ids, pixel_values=pixels)
            video_features = output.mit_output.pooler_output
        else:
            theirs.visual_projection(vision(pixel_values=pixels.flatten(0, 1)).pooler_output)
    parts["text features"] = text.numpy()
    if xclip:
        parts["video features"] = video_features.numpy()
        parts["logits"] = output.logits_per_video.numpy()
    return parts


def _model(recognizer: Recognizer, *, xclip: bool) -> Any:
    """transformers' CLIPModel or XCLIPModel around the weights, in inference."""
    import torch
    from transformers import CLIPConfig, CLIPModel, XCLIPConfig, XCLIPModel

    settings = _settings(recognizer.config.geometry(), recognizer.config.frames)
    state = official_state(recognizer, clip_only=not xclip)
    names = huggingface.from_official(state, xclip=xclip)
    weights = {name: to_tensor(value).float() for name, value in names.items()}
    with torch.device("meta"):  # no time for random weights that are overwritten
        made = XCLIPModel(XCLIPConfig(**settings)) if xclip else CLIPModel(CLIPConfig(**settings))
    made.to_empty(device="cpu")
    for name, buffer in made.named_buffers():
        assert name.endswith("position_ids"), name
        buffer.copy_(torch.arange(buffer.numel()).reshape(buffer.shape))
    made.load_state_dict(weights)
    return made.eval()


def _settings(g: Geometry, frames: int) -> dict[str, Any]:
    """What config.json says of these towers, for either class."""
    text = {
        "hidden_size": g.text_width,
        "intermediate_size": 4 * g.text_width,
        "num_hidden_layers": g.text_depth,
        "num_attention_heads": heads(g.text_width),
        "vocab_size": g.vocabulary,
        "max_position_embeddings": g.context,
        "bos_token_id": g.vocabulary - 2,
        "eos_token_id": g.vocabulary - 1,
    }
    vision = {
        "hidden_size": g.width,
        "intermediate_size": 4 * g.width,
        "num_hidden_layers": g.depth,
        "num_attention_heads": heads(g.width),
        "image_size": g.resolution,
        "patch_size": g.patch,
        "num_frames": frames,
        "mit_hidden_size": g.embed,
        "mit_intermediate_size": 4 * g.embed,
        "mit_num_attention_heads": heads(g.embed),
    }
    return {
        "text_config": text,
        "vision_config": vision,
        "projection_dim": g.embed,
        "prompt_num_attention_heads": heads(g.embed),
    }
