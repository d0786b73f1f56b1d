"""The keys of `config.json` of Hugging Face's CLIPModel and XCLIPModel, and what they mean here.

Defaults are those of `CLIPConfig` and `XCLIPConfig` in transformers.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ila_jax.sizes import Activation, Arithmetic
from ila_jax.weights.foreign.settings import pixel_settings
from ila_jax.weights.foreign.settings.tables import (
    Honoured,
    Only,
    Settings,
    Shown,
    Table,
    eps,
    head_width,
    inert,
    problems_of,
    refuse,
    section,
    shown_of,
    value_of,
)
from ila_jax.weights.foreign.settings.tokenizer_files import problems_of_tokenizer

FILE = "config.json"
_END = 49407  # of a text, the tokenizer's highest id
_MODELS = {"clip": "CLIPModel", "xclip": "XCLIPModel"}
_ACTIVATIONS: dict[str, Activation] = {
    "quick_gelu": "quick_gelu",
    "gelu": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}
# Before its pull request 24773 transformers wrote this, and took the text's feature at the token
# with the highest id; it still does where it reads 2.
_LEGACY_END = 2

_TRAINING = inert(
    "of training alone", "attention_dropout", "dropout", "initializer_range", "initializer_factor",
    "gradient_checkpointing",
)  # fmt: skip
_GENERAL: Table = {
    **inert("names the file's history", "_name_or_path", "transformers_version", "_commit_hash"),
    **inert("numbers are computed in float32; tensors have their own type", "torch_dtype", "dtype"),
    **inert("chooses among equal kernels", "_attn_implementation", "attn_implementation",
            "_attn_implementation_autoset", "_experts_implementation"),
    **inert("of what a call returns", "return_dict", "output_hidden_states", "output_attentions",
            "torchscript", "use_cache", "output_scores", "return_dict_in_generate"),
    **inert("of other kinds of models", "is_encoder_decoder", "is_decoder", "add_cross_attention",
            "cross_attention_hidden_size", "tie_encoder_decoder", "tie_word_embeddings",
            "chunk_size_feed_forward", "use_bfloat16", "tf_legacy_loss", "finetuning_task",
            "task_specific_params", "problem_type", "id2label", "label2id", "num_labels",
            "decoder_start_token_id", "prefix"),
    **inert("of writing text", "max_length", "min_length", "do_sample", "early_stopping",
            "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p",
            "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
            "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences",
            "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values",
            "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens"),
    **inert("what follows a text's end is not looked at", "bos_token_id", "pad_token_id",
            "sep_token_id"),
    "tokenizer_class": Only(None, (None, "CLIPTokenizer", "CLIPTokenizerFast")),
    "pruned_heads": Only(None, (None, {})),
    "quantization_config": Only(None, (None,)),
    "auto_map": Only(None, (None,)),
}  # fmt: skip
_TEXT: Table = {
    **_GENERAL,
    **_TRAINING,
    **inert("CLIPModel takes the one outside of the section", "projection_dim"),
    "vocab_size": Shown(49408, "vocabulary"),
    "hidden_size": Shown(512, "text_width"),
    "intermediate_size": Shown(2048, "text_mlp_width"),
    "num_hidden_layers": Shown(12, "text_depth"),
    "num_attention_heads": Honoured(8),
    "max_position_embeddings": Shown(77, "context"),
    "hidden_act": Honoured("quick_gelu"),
    "layer_norm_eps": Honoured(1e-5),
    "eos_token_id": Honoured(_END),
}
_VISION: Table = {
    **_GENERAL,
    **_TRAINING,
    **inert("CLIPModel takes the one outside of the section", "projection_dim"),
    **inert("of texts", "eos_token_id"),
    "hidden_size": Shown(768, "width"),
    "intermediate_size": Shown(3072, "mlp_width"),
    "num_hidden_layers": Shown(12, "depth"),
    "num_attention_heads": Honoured(12),
    "num_channels": Only(3, (3,)),
    "image_size": Shown(224, "resolution"),
    "patch_size": Shown(32, "patch"),
    "hidden_act": Honoured("quick_gelu"),
    "layer_norm_eps": Honoured(1e-5),
}
_WHOLE: Table = {
    **_GENERAL,
    **inert("the start of what the weights hold", "logit_scale_init_value", "initializer_factor"),
    **inert("of the sections", "eos_token_id"),
    "projection_dim": Shown(512, "embed"),
    **dict.fromkeys(
        ("text_config", "text_config_dict", "vision_config", "vision_config_dict"), Honoured(None)
    ),
}
_OF_XCLIP: Table = {
    **inert("of training alone", "prompt_attention_dropout", "prompt_projection_dropout"),
    **inert("the start of what the weights hold", "prompt_alpha"),
    "prompt_layers": Only(2, (2,)),
    "prompt_hidden_act": Honoured("quick_gelu"),
    "prompt_num_attention_heads": Honoured(8),
}
_VISION_OF_XCLIP: Table = {
    **inert("of training alone", "drop_path_rate"),
    "mit_hidden_size": Shown(512, "embed"),
    "mit_intermediate_size": Shown(2048, "mit_mlp_width"),
    "mit_num_hidden_layers": Only(1, (1,)),
    "mit_num_attention_heads": Honoured(8),
    "num_frames": Shown(8, "frames"),
}
_HEADS = (
    "mit_num_attention_heads and prompt_num_attention_heads are honoured: this model computes as "
    "transformers does with this folder. The original release of X-CLIP computes with {heads}, of "
    "64 channels each, and was trained so. Where these weights are a copy of it (that of L/14 says "
    "8 for 12), convert the original .pth, or set both keys to {heads} in a copy of the file"
)


def tables(kind: str) -> dict[str, Table]:
    """The meaning of every key, of the file and of its sections. kind: clip or xclip."""
    sections: dict[str, tuple[Any, ...]] = {
        "text_config": (f"{kind}_text_model", "", None),
        "vision_config": (f"{kind}_vision_model", "", None),
    }
    names: dict[str, Table] = {
        part: {"model_type": Only(None, values), "architectures": Only(None, (None, []))}
        for part, values in sections.items()
    }
    whole: Table = {
        "model_type": Only(None, (kind,)),
        "architectures": Only(None, ([_MODELS[kind]], None, [])),
    }
    xclip = kind == "xclip"
    return {
        "": {**_WHOLE, **whole, **(_OF_XCLIP if xclip else {})},
        "text_config": {**_TEXT, **names["text_config"]},
        "vision_config": {
            **_VISION, **names["vision_config"], **(_VISION_OF_XCLIP if xclip else {})
        },
    }  # fmt: skip


def understood(folder: Path, settings: Mapping[str, Any]) -> Settings:
    """A `config.json` as our models compute it.

    Errors: ValueError naming each key that they do not.
    """
    kind = settings.get("model_type")
    if not isinstance(kind, str) or kind not in _MODELS:
        raise ValueError(
            f"{FILE} is of a {kind!r} model: expected clip or xclip, whose weights fit here"
        )
    known = tables(kind)
    text = _effective(settings, "text_config", known["text_config"])
    vision = _effective(settings, "vision_config", known["vision_config"])
    values = {"": settings, "text_config": text, "vision_config": vision}
    problems, shown = [], {"model_type": (kind, "kind")}
    for part, table in known.items():
        prefix = f"{part}." if part else ""
        problems += problems_of(values[part], table, prefix)
        shown |= shown_of(values[part], table, prefix)
    if kind == "clip":
        problems += _end_problems(text, known["text_config"])
    problems += problems_of_tokenizer(folder)
    arithmetic = _arithmetic(values, known, problems)
    notes: list[str] = []
    pixels = pixel_settings.of_transformers(folder, problems, notes)
    refuse(FILE, problems)
    if kind == "xclip":
        notes += _note(arithmetic, value_of(settings, known[""], "projection_dim"))
    return Settings(
        library="transformers", folder=folder, file=FILE, arithmetic=arithmetic, shown=shown,
        pixels=pixels, notes=notes,
    )  # fmt: skip


def _effective(settings: Mapping[str, Any], part: str, table: Table) -> dict[str, Any]:
    """A section after what overrides it: `text_config_dict`, its defaults included, where given."""
    given = section(settings, part, FILE)
    if settings.get(f"{part}_dict") is None:
        return given
    defaults = {k: m.default for k, m in table.items() if isinstance(m, Shown | Honoured | Only)}
    named = {key: value for key, value in given.items() if key in ("model_type", "architectures")}
    return given | defaults | named | section(settings, f"{part}_dict", FILE)


def _end_problems(text: Mapping[str, Any], table: Table) -> list[str]:
    """CLIPModel looks for this token's first place; ours is the highest id that a text holds."""
    end, vocabulary = (value_of(text, table, key) for key in ("eos_token_id", "vocab_size"))
    highest = min(vocabulary - 1, _END) if isinstance(vocabulary, int) else _END
    if end in (_LEGACY_END, highest):
        return []
    return [
        f"text_config.eos_token_id is {end!r}, expected {highest} or {_LEGACY_END}: the feature of "
        "a text is read at its end, which has the highest id"
    ]


# The keys of a part's width, heads, activation and norms. XCLIPModel's integration and prompts
# take from the sections what they have no keys of their own for.
_PARTS = {
    "image": ("vision_config.hidden_size", "vision_config.num_attention_heads",
              "vision_config.hidden_act", "vision_config.layer_norm_eps"),
    "text": ("text_config.hidden_size", "text_config.num_attention_heads",
             "text_config.hidden_act", "text_config.layer_norm_eps"),
}  # fmt: skip
_PARTS_OF_XCLIP = {
    "mit": ("vision_config.mit_hidden_size", "vision_config.mit_num_attention_heads",
            "vision_config.hidden_act", "vision_config.layer_norm_eps"),
    "prompts": ("projection_dim", "prompt_num_attention_heads",
                "prompt_hidden_act", "text_config.layer_norm_eps"),
}  # fmt: skip


def _arithmetic(
    values: Mapping[str, Mapping[str, Any]], known: Mapping[str, Table], problems: list[str]
) -> dict[str, Arithmetic]:
    """What the parts of the model compute with; appends to `problems` where ours cannot."""

    def get(key: str) -> Any:
        part, _, name = key.rpartition(".")
        return value_of(values[part], known[part], name)

    parts = _PARTS | (_PARTS_OF_XCLIP if "prompt_layers" in known[""] else {})
    return {
        part: Arithmetic(
            head_width=head_width(get(width), get(heads), heads, problems),
            activation=_activation(get(act), act, problems),
            eps=eps(get(norm), norm, problems),
        )
        for part, (width, heads, act, norm) in parts.items()
    }


def _activation(value: Any, key: str, problems: list[str]) -> Activation:
    if isinstance(value, str) and value in _ACTIVATIONS:
        return _ACTIVATIONS[value]
    problem = f"{key} is {value!r}, expected {' or '.join(map(repr, _ACTIVATIONS))}"
    if problem not in problems:  # two parts may read one key
        problems.append(problem)
    return Arithmetic.activation


def _note(arithmetic: Mapping[str, Arithmetic], embed: int) -> list[str]:
    """Which of the copy and the original release is right, where they may differ."""
    if {arithmetic[part].head_width for part in ("mit", "prompts")} == {Arithmetic.head_width}:
        return []
    return [_HEADS.format(heads=embed // Arithmetic.head_width)]
