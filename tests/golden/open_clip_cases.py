"""Small models of open_clip: configurations, weights from names, and what open_clip makes of them.

`python -m tests.golden.open_clip_cases` writes the expected outputs anew. It needs open_clip, which
the tests do not: its torchvision, from PyPI, is built for CUDA and does not import beside the CPU
build of PyTorch, unless two operators that it would bring are declared (`import_open_clip`). The
outputs here are of open_clip 3.3.0 with PyTorch 2.13.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.golden import weights

_EXPECTED = Path(__file__).parent / "expected_open_clip.npz"
_CLASSES, _FRAMES, _PIXELS, VOCABULARY = 3, 4, 64, 512
_VISION = {"layers": 2, "width": 160, "patch_size": 16, "image_size": _PIXELS}
_TEXT = {"layers": 2, "width": 64, "heads": 1, "vocab_size": VOCABULARY, "context_length": 77}

# Without head_width it is 64: two heads fit into 160 channels, and get 80 each.
_CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "as_openai": ({"quick_gelu": True}, {}, {}),
    # As in ViT-H-14: GELU and heads of another width.
    "wide": ({}, {"head_width": 40, "norm_kwargs": {"eps": 0.05}}, {"heads": 4}),
    "tanh": (
        {"init_logit_scale": 1.0},
        {"act_kwargs": {"approximate": "tanh"}, "patch_dropout": 0.5, "final_ln_after_pool": True,
         "pos_embed_type": "sin_cos_2d", "attn_pooler_heads": 3, "timm_pool": "abs_attn"},
        {"norm_kwargs": {"eps": 0.05}, "final_ln_after_pool": True, "pad_id": 3, "eos_id": 4,
         "hf_pooler_type": "cls_pooler"},
    ),
}  # fmt: skip
CASES = list(_CHANGES)


def settings(case: str) -> dict[str, Any]:
    """The `open_clip_config.json` of a case."""
    whole, vision, text = _CHANGES[case]
    model = {"embed_dim": 64, "vision_cfg": _VISION | vision, "text_cfg": _TEXT | text} | whole
    return {"model_cfg": model, "preprocess_cfg": {"size": _PIXELS, "mean": [0.5, 0.4, 0.3]}}


def state() -> dict[str, np.ndarray]:
    """The weights, the same in every case."""
    shapes: dict[str, tuple[int, ...]] = {
        "visual.class_embedding": (160,),
        "visual.positional_embedding": (17, 160),
        "visual.conv1.weight": (160, 3, 16, 16),
        "visual.proj": (160, 64),
        "token_embedding.weight": (VOCABULARY, 64),
        "positional_embedding": (77, 64),
        "text_projection": (64, 64),
        "logit_scale": (),
    }
    for norm, width in (("visual.ln_pre", 160), ("visual.ln_post", 160), ("ln_final", 64)):
        shapes |= {f"{norm}.{leaf}": (width,) for leaf in ("weight", "bias")}
    for tower, width in (("visual.transformer", 160), ("transformer", 64)):
        for layer in range(2):
            shapes |= _block(f"{tower}.resblocks.{layer}", width)
    return {name: weights.tensor(name, shape) for name, shape in shapes.items()}


def _block(name: str, width: int) -> dict[str, tuple[int, ...]]:
    kernels = {
        "attn.out_proj": (width, width), "ln_1": (width,), "ln_2": (width,),
        "mlp.c_fc": (4 * width, width), "mlp.c_proj": (width, 4 * width),
    }  # fmt: skip
    return {
        f"{name}.attn.in_proj_weight": (3 * width, width),
        f"{name}.attn.in_proj_bias": (3 * width,),
        **{f"{name}.{layer}.weight": shape for layer, shape in kernels.items()},
        **{f"{name}.{layer}.bias": shape[:1] for layer, shape in kernels.items()},
    }


def frames() -> np.ndarray:
    """float32 [t, 3, h, w]."""
    return weights.clip(1, _FRAMES, _PIXELS)[0]


def tokens() -> np.ndarray:
    return weights.tokens(_CLASSES, vocab=VOCABULARY)


def expected(case: str) -> dict[str, np.ndarray]:
    """image [t, e], text [k, e] and logits [t, k], as open_clip computes them."""
    with np.load(_EXPECTED) as stored:
        return {part: stored[f"{case}/{part}"] for part in ("image", "text", "logits")}


def import_open_clip() -> Any:
    """open_clip, where torchvision's own library is of another build than PyTorch as well."""
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        # Of object detection; nothing here calls them.
        for name in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{name}", "(Tensor dets, Tensor scores, float threshold) -> Tensor"
            )
    import open_clip

    return open_clip


def write_folder(folder: Path, case: str) -> None:
    """A folder as open_clip leaves it on the hub."""
    from ila_jax.weights.foreign.safetensors_file import write_safetensors

    (folder / "open_clip_config.json").write_text(json.dumps(settings(case)))
    write_safetensors(folder / "open_clip_model.safetensors", state())


def _computed(case: str) -> dict[str, np.ndarray]:
    import tempfile

    import torch

    open_clip = import_open_clip()
    with tempfile.TemporaryDirectory() as name:
        write_folder(Path(name), case)
        theirs = open_clip.create_model(f"local-dir:{name}").eval()
    pixels, ids = torch.from_numpy(frames()), torch.from_numpy(tokens())
    with torch.no_grad():
        image, text = theirs.encode_image(pixels), theirs.encode_text(ids)
        logits, _ = theirs.get_logits(pixels, ids)
    return {"image": image.numpy(), "text": text.numpy(), "logits": logits.numpy()}


if __name__ == "__main__":
    parts = {f"{c}/{part}": value for c in CASES for part, value in _computed(c).items()}
    np.savez(_EXPECTED, **parts)
    print(f"wrote {_EXPECTED}: {', '.join(parts)}")
