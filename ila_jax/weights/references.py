"""Runs PyTorch's own models, for `--verify`: a folder's by its library, or one of OpenAI's kind.

PyTorch, transformers and open_clip are imported in the functions that need them: they take seconds,
and whoever does not verify need not have them. Their values have no types, so these are `Any` here.
"""

import functools
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from einops import rearrange

from ila_jax.recognizer import Recognizer
from ila_jax.sizes import Arithmetic, Geometry
from ila_jax.weights.foreign.names import huggingface
from ila_jax.weights.foreign.settings.tables import Settings
from ila_jax.weights.state_dict import official_state, to_tensor

_END = 49407  # the token that ends a text: the highest id of CLIP's tokenizer
# What the parts of a model give, by their names. Those of the image tower are [b, t, …].
Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Reference:
    """A model to compare with.

    name: what the table of `--verify` calls it. outputs: gives the outputs of its parts for a video
    [b, t, h, w, 3] and tokens [k, n].
    """

    name: str
    outputs: Callable[[np.ndarray, np.ndarray], Outputs]


def of_folder(settings: Settings, *, xclip: bool) -> Reference:
    """The model that the folder's library makes of its own configuration and weights.

    Errors: ValueError with a message where the library is missing, or cannot load the folder.
    """
    if settings.library == "open_clip":
        return Reference(
            "open_clip's model of this folder", _outputs_of(_open_clip(settings), None)
        )
    name = "XCLIPModel" if xclip else "CLIPModel"
    theirs = _from_pretrained(settings.folder, name)
    return Reference(f"transformers' {name} of this folder", _outputs_of(theirs, xclip))


def of_official(recognizer: Recognizer, *, xclip: bool) -> Reference | None:
    """transformers' model around weights that came without a configuration.

    What no tensor shows is as in OpenAI's CLIP and the original X-CLIP. None where transformers or
    PyTorch is not installed.
    """
    if not (importlib.util.find_spec("torch") and importlib.util.find_spec("transformers")):
        return None
    name = "XCLIPModel" if xclip else "CLIPModel"
    description = (
        f"transformers' {name} with heads of {Arithmetic.head_width} channels, QuickGELU and eps "
        f"{Arithmetic.eps:g}, since no configuration is in this file"
    )
    return Reference(description, _outputs_of(_around(recognizer, xclip=xclip), xclip))


def _outputs_of(theirs: Any, xclip: bool | None) -> Callable[[np.ndarray, np.ndarray], Outputs]:
    """The function that gives the outputs of a model. xclip: None for open_clip's."""
    if xclip is None:
        return functools.partial(_of_open_clip, theirs)
    return functools.partial(_of_xclip if xclip else _of_clip, theirs)


def _of_clip(theirs: Any, video: np.ndarray, tokens: np.ndarray) -> Outputs:
    """The outputs of a CLIPModel, to which frames are images."""
    import torch

    vision = theirs.vision_model
    outputs = _watch(vision.pre_layrnorm, vision.encoder.layers, video.shape[1])
    ids, pixels = torch.from_numpy(tokens), _pixels(video)
    with torch.no_grad():
        image = theirs.visual_projection(vision(pixel_values=pixels).pooler_output)
        text = theirs.text_projection(theirs.text_model(input_ids=ids).pooler_output)
        output = theirs(input_ids=ids, pixel_values=pixels)
    outputs["image features"] = _by_clip(image, video.shape[1])
    return outputs | {"text features": text.numpy(), "logits": output.logits_per_image.numpy()}


def _of_xclip(theirs: Any, video: np.ndarray, tokens: np.ndarray) -> Outputs:
    """The outputs of an XCLIPModel."""
    import torch

    vision, frames = theirs.vision_model, video.shape[1]
    outputs = _watch(vision.pre_layernorm, vision.encoder.layers, frames)
    ids, pixels = torch.from_numpy(tokens), _pixels(video).unflatten(0, video.shape[:2])

    # XCLIPModel returns no features of frames: they are what its projection gives.
    def keep(_: Any, __: Any, output: Any) -> None:
        outputs["image features"] = _by_clip(output, frames)

    theirs.visual_projection.register_forward_hook(keep)
    with torch.no_grad():
        text = theirs.text_projection(theirs.text_model(input_ids=ids).pooler_output)
        output = theirs(input_ids=ids, pixel_values=pixels)
    return outputs | {
        "text features": text.numpy(),
        "video features": output.mit_output.pooler_output.numpy(),
        "logits": output.logits_per_video.numpy(),
    }


def _of_open_clip(theirs: Any, video: np.ndarray, tokens: np.ndarray) -> Outputs:
    """The outputs of a model of open_clip, to which frames are images."""
    import torch

    visual = theirs.visual
    outputs = _watch(visual.ln_pre, visual.transformer.resblocks, video.shape[1])
    ids, pixels = torch.from_numpy(tokens), _pixels(video)
    with torch.no_grad():
        image, text = theirs.encode_image(pixels), theirs.encode_text(ids)
        logits, _ = theirs.get_logits(pixels, ids)
    outputs["image features"] = _by_clip(image, video.shape[1])
    return outputs | {"text features": text.numpy(), "logits": logits.numpy()}


def _watch(norm: Any, blocks: Any, frames: int) -> Outputs:
    """An empty dict, into which these modules put what they give from now on."""
    outputs: Outputs = {}

    def keep(name: str) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            # Blocks of older versions give their attention as well.
            value = output[0] if isinstance(output, tuple) else output
            outputs[name] = _by_clip(value, frames)

        return hook

    norm.register_forward_hook(keep("image embedding"))
    for i, block in enumerate(blocks):
        block.register_forward_hook(keep(f"image block {i}"))
    return outputs


def _pixels(video: np.ndarray) -> Any:
    """All frames as PyTorch has them: [b·t, c, h, w]."""
    import torch

    return torch.from_numpy(rearrange(video, "b t h w c -> (b t) c h w").copy())


def _by_clip(value: Any, frames: int) -> np.ndarray:
    """A tensor of all frames [b·t, …] as an array [b, t, …]."""
    return rearrange(value.detach().numpy(), "(b t) ... -> b t ...", t=frames)


def _from_pretrained(folder: Path, name: str) -> Any:
    """The model that transformers loads from a folder, in float32 and inference.

    Errors: ValueError where transformers is missing, or does not load all of it.
    """
    try:
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise ValueError(
            f"the folder cannot be verified: that needs transformers and PyTorch, which wrote it, "
            f"and {error.name} is not installed: pip install 'ila-jax[convert]'"
        ) from error
    # Its notes and bars would stand between the lines of the table.
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model, about = getattr(transformers, name).from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    # It raises types of several libraries.
    except Exception as error:
        raise ValueError(
            f"the folder cannot be verified: transformers {transformers.__version__} does not load "
            f"it ({_first_line(error)})"
        ) from error
    # transformers draws random weights for what it does not find, and only warns.
    absent = [str(key) for key in (*about["missing_keys"], *about["mismatched_keys"])]
    if absent:
        raise ValueError(
            f"the folder cannot be verified: transformers does not find all weights of its "
            f"{name} ({', '.join(sorted(absent)[:3])})"
        )
    return model.float().eval()


def _open_clip(settings: Settings) -> Any:
    """The model that open_clip loads from a folder, in inference.

    Errors: ValueError where open_clip is missing, or does not load it.
    """
    try:
        import open_clip
    except ImportError as error:
        raise ValueError(
            "the folder cannot be verified: that needs open_clip, which wrote it, and "
            f"{error.name} is not installed: pip install 'ila-jax[open-clip]'"
        ) from error
    # Of torchvision, where it is of another build than PyTorch.
    except Exception as error:
        raise ValueError(
            f"the folder cannot be verified: open_clip is installed, and its import fails "
            f"({_first_line(error)}). It needs a torchvision of the same build as PyTorch: install "
            "both from one index"
        ) from error
    try:
        return open_clip.create_model(f"local-dir:{settings.folder}").eval()
    except Exception as error:
        raise ValueError(
            f"the folder cannot be verified: open_clip {open_clip.__version__} does not load it "
            f"({_first_line(error)})"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _around(recognizer: Recognizer, *, xclip: bool) -> Any:
    """transformers' CLIPModel or XCLIPModel around the weights, in inference."""
    import torch
    from transformers import CLIPConfig, CLIPModel, XCLIPConfig, XCLIPModel

    settings = _settings(recognizer.config.geometry(), recognizer.config.frames)
    state = official_state(recognizer, clip_only=not xclip)
    names = huggingface.from_official(state, xclip=xclip)
    weights = {name: to_tensor(value).float() for name, value in names.items()}
    # On "meta" no random weights are drawn, which would only be overwritten.
    with torch.device("meta"):
        theirs = XCLIPModel(XCLIPConfig(**settings)) if xclip else CLIPModel(CLIPConfig(**settings))
    theirs.to_empty(device="cpu")
    # Buffers are in no state dict, and are empty as well: the numbers of the positions.
    for name, buffer in theirs.named_buffers():
        assert name.endswith("position_ids"), name
        buffer.copy_(torch.arange(buffer.numel()).reshape(buffer.shape))
    theirs.load_state_dict(weights)
    theirs.eval()  # type: ignore[no-untyped-call]  # torch has no type for it
    return theirs


def end_of_text(g: Geometry) -> int:
    """The token that ends a text: the tokenizer's highest id, or that of a smaller vocabulary."""
    return min(g.vocabulary - 1, _END)


def _settings(g: Geometry, frames: int) -> Mapping[str, Any]:
    """What a config.json says of towers of these sizes; CLIPConfig ignores XCLIPConfig's keys."""
    # Channels of a head, as in OpenAI's CLIP and in the original X-CLIP: no tensor shows them.
    heads = Arithmetic.head_width
    text = {
        "hidden_size": g.text_width,
        "intermediate_size": 4 * g.text_width,
        "num_hidden_layers": g.text_depth,
        "num_attention_heads": g.text_width // heads,
        "vocab_size": g.vocabulary,
        "max_position_embeddings": g.context,
        "eos_token_id": end_of_text(g),
    }
    vision = {
        "hidden_size": g.width,
        "intermediate_size": 4 * g.width,
        "num_hidden_layers": g.depth,
        "num_attention_heads": g.width // heads,
        "image_size": g.resolution,
        "patch_size": g.patch,
        "num_frames": frames,
        "mit_hidden_size": g.embed,
        "mit_intermediate_size": 4 * g.embed,
        "mit_num_attention_heads": g.embed // heads,
    }
    return {
        "text_config": text,
        "vision_config": vision,
        "projection_dim": g.embed,
        "prompt_num_attention_heads": g.embed // heads,
    }
