"""Reads `config.json` of Hugging Face's CLIPModel and XCLIPModel: what its keys mean here.

The file has keys of the whole model and a section for each tower. Defaults are those of
`CLIPConfig` and `XCLIPConfig` in transformers. Another model of theirs takes a row of `_MODELS`,
the keys that it adds to the tables of the sections, and a table of its tensors' names in
`names/huggingface`.
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
from ila_jax.weights.foreign.settings.tokenizer_files import problems_of_tokenizer

FILE = "config.json"
_END = 49407  # the token that ends a text: the highest id of CLIP's tokenizer
_MODELS = {"clip": "CLIPModel", "xclip": "XCLIPModel"}
# Their name → ours. "gelu_new" and "gelu_pytorch_tanh" are one formula in two implementations.
_ACTIVATIONS: dict[str, Activation] = {
    "quick_gelu": "quick_gelu",
    "gelu": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}
# Before its pull request 24773 transformers wrote 2 for the end of a text, and took the feature
# of a text at the token with the highest id; it still does where it reads 2.
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
    # Attention is causal, and the feature of a text is taken at its end.
    **inert("what follows a text's end is not looked at", "bos_token_id", "pad_token_id",
            "sep_token_id"),
    "tokenizer_class": OneOf(None, (None, "CLIPTokenizer", "CLIPTokenizerFast")),
    "pruned_heads": OneOf(None, (None, {})),
    # Its weights are whole numbers that stand for others.
    "quantization_config": OneOf(None, (None,)),
    # With it, the folder brings code of its own that computes the model.
    "auto_map": OneOf(None, (None,)),
}  # fmt: skip
_TEXT: Table = {
    **_GENERAL,
    **_TRAINING,
    **inert("CLIPModel takes the one outside of the section", "projection_dim"),
    "vocab_size": TensorSize(49408, "vocabulary"),
    # The library's defaults are the sizes of B/32: here its text tower, below its image tower.
    "hidden_size": TensorSize(512, "text_width"),
    "intermediate_size": TensorSize(2048, "text_mlp_width"),
    "num_hidden_layers": TensorSize(12, "text_depth"),
    "num_attention_heads": Supported(8),
    "max_position_embeddings": TensorSize(77, "context"),
    "hidden_act": Supported("quick_gelu"),
    "layer_norm_eps": Supported(1e-5),
    "eos_token_id": Supported(_END),
}
_VISION: Table = {
    **_GENERAL,
    **_TRAINING,
    **inert("CLIPModel takes the one outside of the section", "projection_dim"),
    **inert("of texts", "eos_token_id"),
    "hidden_size": TensorSize(768, "width"),
    "intermediate_size": TensorSize(3072, "mlp_width"),
    "num_hidden_layers": TensorSize(12, "depth"),
    "num_attention_heads": Supported(12),
    "num_channels": OneOf(3, (3,)),
    "image_size": TensorSize(224, "resolution"),
    "patch_size": TensorSize(32, "patch"),
    "hidden_act": Supported("quick_gelu"),
    "layer_norm_eps": Supported(1e-5),
}
_WHOLE: Table = {
    **_GENERAL,
    **inert("the start of what the weights hold", "logit_scale_init_value", "initializer_factor"),
    **inert("of the sections", "eos_token_id"),
    "projection_dim": TensorSize(512, "embed"),
    **dict.fromkeys(
        ("text_config", "text_config_dict", "vision_config", "vision_config_dict"), Supported(None)
    ),
}
_OF_XCLIP: Table = {
    **inert("of training alone", "prompt_attention_dropout", "prompt_projection_dropout"),
    **inert("the start of what the weights hold", "prompt_alpha"),
    "prompt_layers": OneOf(2, (2,)),
    "prompt_hidden_act": Supported("quick_gelu"),
    "prompt_num_attention_heads": Supported(8),
}
_VISION_OF_XCLIP: Table = {
    **inert("of training alone", "drop_path_rate"),
    "mit_hidden_size": TensorSize(512, "embed"),
    "mit_intermediate_size": TensorSize(2048, "mit_mlp_width"),
    "mit_num_hidden_layers": OneOf(1, (1,)),
    "mit_num_attention_heads": Supported(8),
    "num_frames": TensorSize(8, "frames"),
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
        part: {"model_type": OneOf(None, types), "architectures": OneOf(None, (None, []))}
        for part, types in sections.items()
    }
    whole: Table = {
        "model_type": OneOf(None, (kind,)),
        "architectures": OneOf(None, ([_MODELS[kind]], None, [])),
    }
    xclip = kind == "xclip"
    return {
        "": {**_WHOLE, **whole, **(_OF_XCLIP if xclip else {})},
        "text_config": {**_TEXT, **names["text_config"]},
        "vision_config": {
            **_VISION, **names["vision_config"], **(_VISION_OF_XCLIP if xclip else {})
        },
    }  # fmt: skip


def parse_settings(folder: Path, settings: Mapping[str, Any]) -> Settings:
    """What a `config.json` says of the model next to it.

    folder: where it was read, and where its tokenizer and its image processor are.
    Errors: ValueError naming each key that our models do not compute with.
    """
    kind = settings.get("model_type")
    if not isinstance(kind, str) or kind not in _MODELS:
        raise ValueError(
            f"{FILE} is of a {kind!r} model: expected clip or xclip, whose weights fit here"
        )
    meanings = tables(kind)
    text = _effective(settings, "text_config", meanings["text_config"])
    vision = _effective(settings, "vision_config", meanings["vision_config"])
    values = {"": settings, "text_config": text, "vision_config": vision}
    problems, tensor_sizes = [], {"model_type": (kind, "kind")}
    for part, table in meanings.items():
        prefix = f"{part}." if part else ""
        problems += problems_of(values[part], table, prefix)
        tensor_sizes |= tensor_sizes_of(values[part], table, prefix)
    # XCLIPModel always takes a text's feature at the highest id, whatever the key says.
    if kind == "clip":
        problems += _end_problems(text, meanings["text_config"])
    problems += problems_of_tokenizer(folder)
    arithmetic = _arithmetic(values, meanings, problems)
    # The problems of all sections are collected first, so that a user sees them at once.
    notes: list[str] = []
    pixels = pixel_settings.of_transformers(folder, problems, notes)
    refuse(FILE, problems)
    if kind == "xclip":
        notes += _note(arithmetic, value_of(settings, meanings[""], "projection_dim"))
    return Settings(
        library="transformers", folder=folder, file=FILE, arithmetic=arithmetic,
        tensor_sizes=tensor_sizes, pixels=pixels, notes=notes,
    )  # fmt: skip


def _effective(settings: Mapping[str, Any], part: str, table: Table) -> dict[str, Any]:
    """A section as transformers reads it.

    Where the file has `text_config_dict` as well, that makes a whole section, its defaults
    included, and overrides the first; only the names of the model stay.
    """
    values = section(settings, part, FILE)
    if settings.get(f"{part}_dict") is None:
        return values
    defaults = {
        k: m.default for k, m in table.items() if isinstance(m, TensorSize | Supported | OneOf)
    }
    names = {key: value for key, value in values.items() if key in ("model_type", "architectures")}
    return values | defaults | names | section(settings, f"{part}_dict", FILE)


def _end_problems(text: Mapping[str, Any], table: Table) -> list[str]:
    """What is wrong with the token that ends a text.

    CLIPModel looks for the first place of this token; our model looks for the highest id in the
    text. The two are the same where the token is the highest id.
    """
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
    values: Mapping[str, Mapping[str, Any]], meanings: Mapping[str, Table], problems: list[str]
) -> dict[str, Arithmetic]:
    """What the parts of the model compute with; appends to `problems` where ours cannot."""

    def get(key: str) -> Any:
        part, _, name = key.rpartition(".")
        return value_of(values[part], meanings[part], name)

    parts = _PARTS | (_PARTS_OF_XCLIP if "prompt_layers" in meanings[""] else {})
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
    """The note for X-CLIP with other heads than the original release's (weight-files.md)."""
    if {arithmetic[part].head_width for part in ("mit", "prompts")} == {Arithmetic.head_width}:
        return []
    return [_HEADS.format(heads=embed // Arithmetic.head_width)]
