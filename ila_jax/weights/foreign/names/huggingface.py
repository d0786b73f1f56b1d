"""Translates names of Hugging Face's CLIPModel and XCLIPModel to official names and back.

There q, k and v are three layers, where the official code has one tensor with all three below each
other. A target that ends in `#0`, `#1` or `#2` is that third of the tensor.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ila_jax.weights.foreign.names.layouts import LINEAR, Layout, same
from ila_jax.weights.foreign.names.rules import Rule

_AS_IT_IS = same(0)
# The numbers 0, 1, 2, …, one for each position, which older versions of transformers saved.
WAIVED = (r"(text|vision)_model\.embeddings\.position_ids",)


def _pair(source: str, target: str) -> list[Rule]:
    """The rules for the weight and the bias of a layer."""
    return [Rule(f"{source}.{leaf}", f"{target}.{leaf}", _AS_IT_IS) for leaf in ("weight", "bias")]


def _one(source: str, target: str, layout: Layout = _AS_IT_IS) -> list[Rule]:
    return [Rule(source, target, layout)]


def _attention(source: str, target: str) -> list[Rule]:
    # The order of q, k and v is that of torch.nn.MultiheadAttention's in_proj.
    thirds = [
        Rule(f"{source}.{part}_proj.{leaf}", f"{target}.in_proj_{leaf}#{third}", _AS_IT_IS)
        for third, part in enumerate("qkv")
        for leaf in ("weight", "bias")
    ]
    return [*thirds, *_pair(f"{source}.out_proj", f"{target}.out_proj")]


def _block(source: str, target: str) -> list[Rule]:
    return [
        *_attention(f"{source}.self_attn", f"{target}.attn"),
        *_pair(f"{source}.layer_norm1", f"{target}.ln_1"),
        *_pair(f"{source}.layer_norm2", f"{target}.ln_2"),
        *_pair(f"{source}.mlp.fc1", f"{target}.mlp.c_fc"),
        *_pair(f"{source}.mlp.fc2", f"{target}.mlp.c_proj"),
    ]


_VISION, _TEXT = "vision_model.encoder.layers.{0}", "text_model.encoder.layers.{0}"
_BLOCK = "visual.transformer.resblocks.{0}"
CLIP = [
    *_one("vision_model.embeddings.class_embedding", "visual.class_embedding"),
    *_one("vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"),
    *_one("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"),
    # This is transformers' own spelling.
    *_pair("vision_model.pre_layrnorm", "visual.ln_pre"),
    *_block(_VISION, _BLOCK),
    *_pair("vision_model.post_layernorm", "visual.ln_post"),
    # A linear layer there, a bare matrix in the official code: transposed.
    *_one("visual_projection.weight", "visual.proj", LINEAR),
    *_one("text_model.embeddings.token_embedding.weight", "token_embedding.weight"),
    *_one("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    *_block(_TEXT, "transformer.resblocks.{0}"),
    *_pair("text_model.final_layer_norm", "ln_final"),
    *_one("text_projection.weight", "text_projection", LINEAR),
    *_one("logit_scale", "logit_scale"),
]

_PROMPT = "prompts_generator.decoder.{0}"
XCLIP = [
    # XCLIPModel spells this norm rightly, unlike CLIPModel.
    *_pair("vision_model.pre_layernorm", "visual.ln_pre"),
    *[rule for rule in CLIP if "pre_layrnorm" not in rule.source],
    *_pair(f"{_VISION}.message_fc", f"{_BLOCK}.message_fc"),
    *_pair(f"{_VISION}.message_ln", f"{_BLOCK}.message_ln"),
    *_attention(f"{_VISION}.message_attn", f"{_BLOCK}.message_attn"),
    *_pair("prompts_visual_layernorm", "prompts_visual_ln"),
    *_one("prompts_visual_projection", "prompts_visual_proj"),
    *_one("mit.position_embedding", "mit.positional_embedding"),
    *_block("mit.encoder.layers.{0}", "mit.resblocks.{0}"),
    *_pair("prompts_generator.layernorm", "prompts_generator.norm"),
    *_one("prompts_generator.alpha", "prompts_generator.alpha"),
    *_one(f"{_PROMPT}.cross_attn.q_proj.weight", f"{_PROMPT}.cross_attn.q_proj.weight"),
    *_one(f"{_PROMPT}.cross_attn.k_proj.weight", f"{_PROMPT}.cross_attn.k_proj.weight"),
    *_one(f"{_PROMPT}.cross_attn.v_proj.weight", f"{_PROMPT}.cross_attn.v_proj.weight"),
    *_pair(f"{_PROMPT}.cross_attn.proj", f"{_PROMPT}.cross_attn.proj"),
    *_pair(f"{_PROMPT}.norm1", f"{_PROMPT}.norm1"),
    *_pair(f"{_PROMPT}.norm3", f"{_PROMPT}.norm3"),
    *_pair(f"{_PROMPT}.mlp.0", f"{_PROMPT}.mlp.0"),
    *_pair(f"{_PROMPT}.mlp.3", f"{_PROMPT}.mlp.3"),
]


def is_hugging_face(names: Sequence[str]) -> bool:
    """Whether these are the names of CLIPModel or XCLIPModel."""
    return "vision_model.embeddings.patch_embedding.weight" in names


def table_of(names: Sequence[str]) -> list[Rule]:
    """The table for a model's names: XCLIPModel's where frames are integrated, or CLIPModel's."""
    return XCLIP if any(name.startswith("mit.") for name in names) else CLIP


def to_official(state: Mapping[str, np.ndarray], waived: Sequence[str]) -> dict[str, np.ndarray]:
    """A state dict of Hugging Face under official names.

    waived: names that hold nothing we keep.
    Errors: ValueError listing every name that is unknown, and every q, k or v without the others.
    """
    rules, official, problems = table_of(list(state)), {}, []
    for name in sorted(state.keys() - set(waived)):
        targets = [(r, t) for r in rules if (t := r.match(name)) is not None]
        if len(targets) != 1:
            problems.append(f"unknown: {name} {list(np.shape(state[name]))}")
            continue
        rule, target = targets[0]
        value = state[name]
        # Shapes are compared later, with the sizes of the model; einops would refuse this one now.
        if rule.layout is LINEAR and value.ndim != 2:
            problems.append(f"shape: {name} is {list(value.shape)}, expected two axes")
            continue
        official[target] = rule.layout.to_jax(value)
    problems += _join_thirds(official, rules)
    # SigLIP's tensors begin with the same names as CLIP's, so that it is taken for one until here.
    if problems:
        siglip = "vision_model.head.probe" in state or "text_model.head.weight" in state
        other = "; they look like SigLIP's, which is another model" if siglip else ""
        raise ValueError(
            f"the weights are not those of CLIPModel or XCLIPModel{other}, {len(problems)} "
            "tensor(s) are wrong:\n  " + "\n  ".join(problems)
        )
    return official


def from_official(state: Mapping[str, np.ndarray], *, xclip: bool) -> dict[str, np.ndarray]:
    """Undoes `to_official`: a state dict under the names of XCLIPModel or CLIPModel.

    What these models have no place for is left out.
    """
    parts: dict[str, np.ndarray] = {}
    for name, value in state.items():
        if ".in_proj_" in name:
            parts |= {f"{name}#{i}": third for i, third in enumerate(np.split(value, 3))}
        else:
            parts[name] = value
    rules, theirs = (XCLIP if xclip else CLIP), {}
    for name, value in parts.items():
        rule = next((rule for rule in rules if rule.inverse(name) is not None), None)
        if rule is not None:
            theirs[str(rule.inverse(name))] = rule.layout.to_torch(value)
    return theirs


def _join_thirds(state: dict[str, np.ndarray], rules: Sequence[Rule]) -> list[str]:
    """Joins the thirds of each fused tensor in `state`, in place; returns the problems."""
    problems = []
    for name in sorted({name.partition("#")[0] for name in state if "#" in name}):
        thirds = {f"{name}#{i}": state.pop(f"{name}#{i}", None) for i in range(3)}
        missing = [third for third, value in thirds.items() if value is None]
        problems += [f"missing: {_name_of(third, rules)}" for third in missing]
        shapes = {np.shape(value) for value in thirds.values() if value is not None}
        if len(shapes) > 1:
            problems.append(f"shape: q, k and v of {name} differ")
        elif not missing:
            state[name] = np.concatenate([v for v in thirds.values() if v is not None])
    return problems


def _name_of(target: str, rules: Sequence[Rule]) -> str:
    """The name at Hugging Face of a target, which some rule has."""
    return next(name for rule in rules if (name := rule.inverse(target)) is not None)
