"""Reads `open_clip_config.json`: its keys, and what they mean here.

The file has one section for the model, with a section for each tower, and one for how pictures are
prepared (`pixel_settings`). Defaults are those of `CLIP`, `CLIPVisionCfg`, `CLIPTextCfg` and
`PreprocessCfg` in open_clip 3.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ila_jax.sizes import Activation, Arithmetic
from ila_jax.weights.foreign.settings import pixel_settings
from ila_jax.weights.foreign.settings.tables import (
    OneOf,
    Settings,
    Supported,
    Table,
    TensorSize,
    eps,
    head_width,
    inert,
    problems_of,
    refuse,
    section,
    tensor_sizes_of,
    value_of,
)

FILE = "open_clip_config.json"
_OFF = OneOf(False, (False,))
_NONE = OneOf(None, (None,))
# open_clip's variants of the attention block, of either tower.
_BLOCKS: Table = {
    "block_type": OneOf(None, (None, "default")),
    **dict.fromkeys(
        ("qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn",
         "scale_fc"), _OFF,
    ),
    "ls_init_value": _NONE,
    "mlp_ratio": OneOf(4.0, (4.0,)),
    "act_kwargs": Supported(None),
    "norm_kwargs": Supported(None),
    "output_tokens": _OFF,
    # A layer norm is of one token alone, so it may run before or after the class token is taken.
    **inert("a token is normed alike before and after it is taken", "final_ln_after_pool"),
}  # fmt: skip
_WHOLE: Table = {
    "embed_dim": TensorSize(None, "embed"),
    "vision_cfg": Supported(None),
    "text_cfg": Supported(None),
    # Both are fine: `_activation` reads it together with a tower's act_kwargs.
    "quick_gelu": OneOf(False, (False, True)),
    "custom_text": _OFF,
    "multimodal_cfg": _NONE,
    "nonscalar_logit_scale": _OFF,
    "init_logit_bias": _NONE,
    **inert("the start of what the weights hold", "init_logit_scale"),
    **inert("of what a call returns", "output_dict"),
    **inert("numbers are computed in float32", "cast_dtype"),
}
_VISION: Table = {
    **_BLOCKS,
    "layers": TensorSize(12, "depth"),
    "width": TensorSize(768, "width"),
    "head_width": Supported(64),
    "patch_size": TensorSize(16, "patch"),
    "image_size": TensorSize(224, "resolution"),
    "attentional_pool": _OFF,
    "no_ln_pre": _OFF,
    "pool_type": OneOf("tok", ("tok",)),
    "timm_model_name": OneOf(None, (None, "")),
    **inert("of training alone", "patch_dropout"),
    **inert("the weights hold the positions", "pos_embed_type"),
    **inert("of attentional pooling", "attn_pooler_queries", "attn_pooler_heads"),
    **inert("of a timm model", "timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias",
            "timm_drop", "timm_drop_path"),
}  # fmt: skip
_TEXT: Table = {
    **_BLOCKS,
    "context_length": TensorSize(77, "context"),
    "vocab_size": TensorSize(49408, "vocabulary"),
    "width": TensorSize(512, "text_width"),
    "heads": Supported(8),
    "layers": TensorSize(12, "text_depth"),
    "embed_cls": _OFF,
    "no_causal_mask": _OFF,
    "pool_type": OneOf("argmax", ("argmax",)),
    "proj_bias": _OFF,
    "proj_type": OneOf("linear", ("linear",)),
    "hf_model_name": OneOf(None, (None, "")),
    "hf_tokenizer_name": OneOf(None, (None, "")),
    "tokenizer_mode": OneOf(None, (None, "")),
    # Lower case is what CLIP's tokenizer does anyway.
    "tokenizer_kwargs": OneOf(None, (None, {}, {"clean": "lower"})),
    **inert("of a class token", "pad_id"),
    **inert("of another pool_type", "eos_id"),
    **inert("of a Hugging Face model", "hf_model_pretrained", "hf_proj_type", "hf_pooler_type"),
}
_FILE: Table = {"model_cfg": Supported(None), "preprocess_cfg": Supported(None)}
# Where each table's keys are in the file: "" is its top.
TABLES: dict[str, Table] = {
    "": _FILE,
    "model_cfg": _WHOLE,
    "model_cfg.vision_cfg": _VISION,
    "model_cfg.text_cfg": _TEXT,
}


def parse_settings(folder: Path, settings: Mapping[str, Any]) -> Settings:
    """What an `open_clip_config.json` says of the model next to it. folder: where it was read.

    Errors: ValueError naming each key that our models do not compute with.
    """
    model = section(settings, "model_cfg", FILE)
    values = {
        "": settings,
        "model_cfg": model,
        "model_cfg.vision_cfg": section(model, "vision_cfg", FILE),
        "model_cfg.text_cfg": section(model, "text_cfg", FILE),
    }
    # open_clip has no default for these; an empty section of a tower means the default of each key.
    missing = [key for key in ("embed_dim", "vision_cfg", "text_cfg") if key not in model]
    problems = [f"model_cfg.{key} is missing, and has no default" for key in missing]
    tensor_sizes: dict[str, tuple[Any, str]] = {}
    for part, table in TABLES.items():
        prefix = f"{part}." if part else ""
        problems += problems_of(values[part], table, prefix)
        tensor_sizes |= tensor_sizes_of(values[part], table, prefix)
    quick = value_of(model, _WHOLE, "quick_gelu")
    towers = {"image": "model_cfg.vision_cfg", "text": "model_cfg.text_cfg"}
    arithmetic = {
        name: _arithmetic(values[part], TABLES[part], part, quick, problems)
        for name, part in towers.items()
    }
    # The problems of all sections are collected first, so that a user sees them at once.
    notes: list[str] = []
    pixels = pixel_settings.of_open_clip(settings, problems, notes)
    refuse(FILE, problems)
    return Settings(
        library="open_clip", folder=folder, file=FILE, arithmetic=arithmetic,
        tensor_sizes=tensor_sizes, pixels=pixels, notes=notes,
    )  # fmt: skip


def _arithmetic(
    values: Mapping[str, Any], table: Table, part: str, quick: Any, problems: list[str]
) -> Arithmetic:
    """What a tower computes with; appends to `problems` where ours cannot."""
    width = value_of(values, table, "width")
    # open_clip gives the number of heads of the text tower, and the channels of the image tower's.
    if "heads" in table:
        heads = value_of(values, table, "heads")
        channels = head_width(width, heads, f"{part}.heads", problems)
    else:
        channels = _channels(width, value_of(values, table, "head_width"), part, problems)
    # Null is the same as nothing.
    act, norm = (values.get(key) or {} for key in ("act_kwargs", "norm_kwargs"))
    return Arithmetic(
        head_width=channels,
        activation=_activation(quick, act, part, problems),
        eps=_eps(norm, part, problems),
    )


def _channels(width: Any, channels: Any, part: str, problems: list[str]) -> int:
    """Channels of a head of the image tower, from what the file calls head_width.

    open_clip makes `width // head_width` heads and divides the width by them, so that a head may
    have more channels than the file says.
    """
    key = f"{part}.head_width"
    if type(width) is not int or type(channels) is not int or not 0 < channels <= width:
        problems.append(f"{key} is {channels!r}, expected a number of channels up to {width!r}")
        return Arithmetic.head_width
    return head_width(width, width // channels, key, problems)


def _activation(quick: Any, settings: Any, part: str, problems: list[str]) -> Activation:
    """GELU unless the file says quick_gelu; `approximate` is that of `torch.nn.GELU`."""
    # By their text, as a value from JSON may be a list or a dict, which no key of a dict can be.
    activations: dict[tuple[bool, str], Activation] = {
        (True, "{}"): "quick_gelu",
        (False, "{}"): "gelu",
        (False, "{'approximate': 'none'}"): "gelu",
        (False, "{'approximate': 'tanh'}"): "gelu_tanh",
    }
    activation = activations.get((bool(quick), str(settings)))
    if activation is None:
        problems.append(
            f"{part}.act_kwargs is {settings!r}, expected none with quick_gelu, and at most "
            "approximate (none or tanh) without"
        )
    return activation or Arithmetic.activation


def _eps(settings: Any, part: str, problems: list[str]) -> float:
    if not isinstance(settings, dict) or settings.keys() - {"eps"}:
        problems.append(f"{part}.norm_kwargs is {settings!r}, expected nothing but eps in it")
        return Arithmetic.eps
    return eps(settings.get("eps", Arithmetic.eps), f"{part}.norm_kwargs.eps", problems)
