"""Lists the official names of CLIP's towers, and of the heads and blocks of X-CLIP and ILA.

Each rule leads from a name of the released PyTorch code to a path of our variables, with the layout
between them; `{0}` is the number of a block. Names and shapes are those of models.md 9.
"""

from ila_jax.weights.foreign.names.layouts import (
    CONV_2D,
    DEPTHWISE_2D,
    LINEAR,
    PATCHES,
    POINTWISE_1D,
    POINTWISE_2D,
    POSITIONS,
    TEMPORAL_3D,
    Layout,
    same,
)
from ila_jax.weights.foreign.names.rules import Rule

# Names that hold nothing to compute with. PyTorch counts the batches that went through a batch
# norm; with a fixed momentum nothing reads it. OpenAI's archives hold three of CLIP's sizes.
# `state_dict` remembers the numbers for the reverse conversion.
WAIVED = (r".*\.num_batches_tracked", "input_resolution|context_length|vocab_size")


def _affine(source: str, target: str, layout: Layout = LINEAR) -> list[Rule]:
    """The weight and the bias of a linear layer or a convolution."""
    return [
        Rule(f"{source}.weight", f"{target}/kernel", layout),
        Rule(f"{source}.bias", f"{target}/bias", same(1)),
    ]


def _norm(source: str, target: str) -> list[Rule]:
    """A layer norm, or what is learnt of a batch norm."""
    return [
        Rule(f"{source}.weight", f"{target}/scale", same(1)),
        Rule(f"{source}.bias", f"{target}/bias", same(1)),
    ]


def _batch_norm(source: str, target: str) -> list[Rule]:
    """A batch norm with its running statistics, which are `Variables.batch_stats` here."""
    return [
        *_norm(source, target),
        Rule(f"{source}.running_mean", f"{target}/mean", same(1)),
        Rule(f"{source}.running_var", f"{target}/var", same(1)),
    ]


def _attention(source: str, target: str) -> list[Rule]:
    """`torch.nn.MultiheadAttention`, which holds q, k and v in one matrix, as ours does."""
    return [
        Rule(f"{source}.in_proj_weight", f"{target}/qkv/kernel", LINEAR),
        Rule(f"{source}.in_proj_bias", f"{target}/qkv/bias", same(1)),
        *_affine(f"{source}.out_proj", f"{target}/out"),
    ]


def _residual_block(source: str, target: str) -> list[Rule]:
    """A block of either of CLIP's towers."""
    return [
        *_attention(f"{source}.attn", f"{target}/attn"),
        *_norm(f"{source}.ln_1", f"{target}/norm1"),
        *_norm(f"{source}.ln_2", f"{target}/norm2"),
        *_affine(f"{source}.mlp.c_fc", f"{target}/mlp/fc"),
        *_affine(f"{source}.mlp.c_proj", f"{target}/mlp/proj"),
    ]


IMAGE_TOWER = [
    Rule("visual.conv1.weight", "visual/embed/patches/kernel", PATCHES),
    Rule("visual.class_embedding", "visual/embed/class_token", same(1)),
    Rule("visual.positional_embedding", "visual/embed/positions", same(2)),
    *_norm("visual.ln_pre", "visual/norm_pre"),
    *_residual_block("visual.transformer.resblocks.{0}", "visual/blocks/{0}/spatial"),
    *_norm("visual.ln_post", "visual/norm_post"),
    # CLIP's projections are bare matrices, x·W, and no linear layers: nothing is transposed.
    Rule("visual.proj", "visual/projection/kernel", same(2)),
]

TEXT_TOWER = [
    Rule("token_embedding.weight", "text/tokens", same(2)),
    Rule("positional_embedding", "text/positions", same(2)),
    *_residual_block("transformer.resblocks.{0}", "text/blocks/{0}"),
    *_norm("ln_final", "text/norm_final"),
    Rule("text_projection", "text/projection/kernel", same(2)),
]

MULTI_FRAME_INTEGRATION = [
    Rule("mit.positional_embedding", "mit/positions", POSITIONS),
    *_residual_block("mit.resblocks.0", "mit/block"),
]

# In the released code q, k and v of the prompts have no bias, and there is no norm2.
_LAYER, _OURS = "prompts_generator.decoder.{0}", "head/prompts/layers/{0}"
LOGIT_SCALE = [Rule("logit_scale", "head/logit_scale", same(0))]
PROMPTS = [
    *_norm("prompts_visual_ln", "head/prompts/visual_norm"),
    Rule("prompts_visual_proj", "head/prompts/visual_projection/kernel", same(2)),
    *_norm("prompts_generator.norm", "head/prompts/norm"),
    Rule("prompts_generator.alpha", "head/prompts/alpha", same(1)),
    *_norm(f"{_LAYER}.norm1", f"{_OURS}/norm1"),
    Rule(f"{_LAYER}.cross_attn.q_proj.weight", f"{_OURS}/attn/query/kernel", LINEAR),
    Rule(f"{_LAYER}.cross_attn.k_proj.weight", f"{_OURS}/attn/key/kernel", LINEAR),
    Rule(f"{_LAYER}.cross_attn.v_proj.weight", f"{_OURS}/attn/value/kernel", LINEAR),
    *_affine(f"{_LAYER}.cross_attn.proj", f"{_OURS}/attn/out"),
    *_norm(f"{_LAYER}.norm3", f"{_OURS}/norm3"),
    *_affine(f"{_LAYER}.mlp.0", f"{_OURS}/mlp/fc"),
    *_affine(f"{_LAYER}.mlp.3", f"{_OURS}/mlp/proj"),
]

LINEAR_HEAD = [
    *_norm("mit.classify_head.0", "head/norm"),
    *_affine("mit.classify_head.2", "head/fc"),
]

_BLOCK, _TEMPORAL = "visual.transformer.resblocks.{0}", "visual/blocks/{0}/temporal"

XCLIP = [
    *_affine(f"{_BLOCK}.message_fc", f"{_TEMPORAL}/message"),
    *_norm(f"{_BLOCK}.message_ln", f"{_TEMPORAL}/message_norm"),
    *_attention(f"{_BLOCK}.message_attn", f"{_TEMPORAL}/attn"),
]

# In ILA this name, which is X-CLIP's attention, holds the alignment.
_ALIGN = f"{_BLOCK}.message_attn"
_INTERACTION = f"{_ALIGN}.interactive_block"
_PREDICTION = f"{_ALIGN}.prediction_block"
ILA = [
    *_affine(f"{_BLOCK}.message_fc", f"{_TEMPORAL}/message"),
    *_norm(f"{_BLOCK}.message_ln", f"{_TEMPORAL}/message_norm"),
    *_affine(f"{_PREDICTION}.0", f"{_TEMPORAL}/prediction/conv1", CONV_2D),
    *_batch_norm(f"{_PREDICTION}.1", f"{_TEMPORAL}/prediction/norm1"),
    *_affine(f"{_PREDICTION}.4", f"{_TEMPORAL}/prediction/conv2", CONV_2D),
    *_batch_norm(f"{_PREDICTION}.5", f"{_TEMPORAL}/prediction/norm2"),
    *_affine(f"{_PREDICTION}.10", f"{_TEMPORAL}/prediction/fc1", POINTWISE_1D),
    *_affine(f"{_PREDICTION}.12", f"{_TEMPORAL}/prediction/fc2", POINTWISE_1D),
    *_affine(f"{_ALIGN}.conv", f"{_TEMPORAL}/conv", TEMPORAL_3D),
    *_affine(f"{_ALIGN}.fc", f"{_TEMPORAL}/fc"),
    *_affine(f"{_BLOCK}.temporal_skip_align_fc", f"{_TEMPORAL}/skip_aligned"),
    *_affine(f"{_BLOCK}.temporal_skip_fc", f"{_TEMPORAL}/skip_interactive"),
]

# Kinetics' and Something-Something's form use one name for different layers, interactive_block.1
# and .2 (models.md 9), so that only one of these two tables may be in use.
ILA_INTERACTION = {
    "k400": [
        *_affine(
            f"{_INTERACTION}.0.depthwise_conv.0", f"{_TEMPORAL}/interaction/depthwise", DEPTHWISE_2D
        ),
        *_batch_norm(f"{_INTERACTION}.0.depthwise_conv.1", f"{_TEMPORAL}/interaction/norm1"),
        *_affine(
            f"{_INTERACTION}.0.pointwise_conv.0", f"{_TEMPORAL}/interaction/pointwise", POINTWISE_2D
        ),
        *_batch_norm(f"{_INTERACTION}.0.pointwise_conv.1", f"{_TEMPORAL}/interaction/norm2"),
        *_affine(f"{_INTERACTION}.1", f"{_TEMPORAL}/interaction/conv", CONV_2D),
        *_batch_norm(f"{_INTERACTION}.2", f"{_TEMPORAL}/interaction/norm3"),
    ],
    "ssv2": [
        *_affine(f"{_INTERACTION}.0", f"{_TEMPORAL}/interaction/conv1", CONV_2D),
        *_batch_norm(f"{_INTERACTION}.1", f"{_TEMPORAL}/interaction/norm1"),
        *_affine(f"{_INTERACTION}.3", f"{_TEMPORAL}/interaction/conv2", CONV_2D),
        *_batch_norm(f"{_INTERACTION}.4", f"{_TEMPORAL}/interaction/norm2"),
    ],
}
