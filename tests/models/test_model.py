"""Whole models: parameter counts, starts, order of blocks, and the Recognizer."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.variants import TEMPORAL
from ila_jax.recognizer import Recognizer
from ila_jax.sizes import SIZES
from ila_jax.text.tokenizer import tokenize
from tests.models import small
from tests.models.reference import MODELS

CLIP_B32 = 151_277_313  # models.md 1: both towers and logit_scale
# Parameters with spatial attention, T = 8, K = 174: (text head, linear head).
SPATIAL = {
    "tiny": (3_537_345, 173_550),
    "B/32": (161_131_777, 91_095_982),
    "B/16": (159_475_201, 89_439_406),
    "L/14": (449_672_449, 311_195_566),
    "L/14@336": (450_000_129, 311_523_246),
}


def config(size, temporal, head, convolutions="k400"):
    return ModelConfig(
        size=size,
        temporal=temporal,
        frames=8,
        head=head,
        classes=174 if head == "linear" else None,
        convolutions=convolutions,
        channels=256,
        dropout=0.5,
        precision="float32",
    )


def count(*args):
    return sum(x.size for x in jax.tree.leaves(model.abstract(config(*args)).params))


@pytest.mark.parametrize("head", ["text", "linear"])
@pytest.mark.parametrize("temporal", TEMPORAL)
@pytest.mark.parametrize("size", SIZES)
def test_every_model_has_its_number_of_parameters(size, temporal, head):
    geometry = SIZES[size]
    expected = SPATIAL[size][head == "linear"]
    expected += MODELS[temporal].added(geometry.width, geometry.depth, 8)
    expected -= integrating(geometry, head) if temporal == "clip" else 0
    assert count(size, temporal, head) == expected


def integrating(geometry, head):
    """What plain CLIP does without (models.md 1): MIT, and with a text head the prompts."""
    e, d = geometry.embed, geometry.width
    mit = 12 * e**2 + 13 * e + 8 * e
    return mit + (24 * e**2 + 23 * e + 2 * d + d * e if head == "text" else 0)


def test_the_counts_are_the_sums_of_the_specification():
    mit, prompts, projection = 3_156_480, 6_303_232, 394_752
    spatial = CLIP_B32 + mit + prompts + projection
    assert SPATIAL["B/32"][0] == spatial
    assert count("B/32", "clip", "text") == CLIP_B32
    assert spatial + MODELS["xclip"].added(768, 12, 8) == 196_585_729
    assert spatial + 12 * 3_372_100 == count("B/32", "ila", "text")
    assert spatial + 12 * 6_499_396 == count("B/32", "ila", "text", "ssv2")
    assert MODELS["divided"].added(768, 12, 0) == 35_453_952
    assert MODELS["ila_token"].added(768, 12, 8) == 17_405_232
    linear = 2 * 512 + 513 * 174
    visual = CLIP_B32 - text_tower(width=512, depth=12, embed=512) - 1
    assert SPATIAL["B/32"][1] == visual + mit + linear


def text_tower(*, width, depth, embed):
    block = 12 * width**2 + 13 * width
    return (49408 + 77) * width + depth * block + 2 * width + width * embed


def test_both_forms_at_b32_add_what_the_specification_says():
    for form, new in (("k400", 3_372_100), ("ssv2", 6_499_396)):
        assert count("B/32", "ila", "linear", form) == SPATIAL["B/32"][1] + 12 * new


# ---- How weights start


@functools.cache
def tiny():
    """Fresh weights by path."""
    text = dataclasses.replace(config("tiny", "ila", "text"), channels=64)
    return small.flat(model.initialize(text, seed=0).params)


def test_what_starts_at_zero_is_zero():
    for block in (0, 1):
        for name in ("prediction/fc2", "skip_aligned", "skip_interactive"):
            for leaf in ("kernel", "bias"):
                assert not np.any(tiny()[f"visual/blocks/{block}/temporal/{name}/{leaf}"])
    biases = ("mit/block/attn/qkv", "mit/block/attn/out", "mit/block/mlp/fc", "mit/block/mlp/proj")
    for name in (*biases, "head/prompts/layers/0/attn/out", "head/prompts/layers/1/mlp/proj"):
        assert not np.any(tiny()[f"{name}/bias"])


def test_nothing_else_starts_at_zero():
    zero = {path for path, value in tiny().items() if not np.any(value)}
    for path in zero:
        assert path.endswith("bias") or "skip_" in path or "prediction/fc2" in path, path


def test_the_heads_start_as_the_released_ones():
    start = tiny()
    np.testing.assert_allclose(start["head/prompts/alpha"], 0.1, rtol=1e-6)
    assert float(start["head/logit_scale"]) == pytest.approx(np.log(100))
    assert float(start["head/prompts/visual_projection/kernel"].std()) == pytest.approx(1, rel=0.05)
    small_normals = [
        "mit/block/attn/out/kernel",
        "mit/block/mlp/fc/kernel",
        *(f"head/prompts/layers/1/attn/{name}/kernel" for name in ("query", "key", "value", "out")),
        "head/prompts/layers/0/mlp/proj/kernel",
    ]
    for path in small_normals:
        assert float(start[path].std()) == pytest.approx(0.02, rel=0.05), path
    # 512 values only.
    assert float(start["mit/positions"].std()) == pytest.approx(0.02, rel=0.1)
    qkv = start["mit/block/attn/qkv/kernel"]
    assert float(jnp.abs(qkv).max()) == pytest.approx((6 / (64 + 192)) ** 0.5, rel=0.01)


# ---- Blocks in order


def test_twelve_blocks_keep_their_order():
    shape = dataclasses.replace(small.SHAPE, depth=12)
    deep = small.config("ila", shape=shape)
    variables = small.filled(deep)
    params, stats = small.flat(variables.params), small.flat(variables.batch_stats)
    for i in range(12):
        params[f"visual/blocks/{i}/spatial/norm1/scale"] = jnp.full(64, float(i))
        stats[f"visual/blocks/{i}/temporal/prediction/norm1/mean"] = jnp.full(8, float(i))
    module = model.bind(deep, model.Variables(small.unflat(params), small.unflat(stats)))
    blocks = module.visual.blocks
    assert [float(block.spatial.norm1.scale[...][0]) for block in blocks] == list(range(12))
    means = [float(block.temporal.prediction.norm1.mean[...][0]) for block in blocks]
    assert means == list(range(12))
    back = small.flat(model._plain(model.nnx.state(module, model.nnx.BatchStat)))
    for i in (2, 10, 11):
        path = f"visual/blocks/{i}/temporal/prediction/norm1/mean"
        np.testing.assert_array_equal(back[path], stats[path])


# ---- Recognizer


@functools.cache
def recognizer(head):
    model_config = small.config("ila", head)
    return Recognizer(model_config, small.filled(model_config), NAMES if head == "text" else None)


NAMES = ("moving left", "moving right", "turning")


def nameless():
    named = recognizer("text")
    return Recognizer(named.config, named.variables)


@pytest.mark.parametrize(("head", "classes"), [("text", len(NAMES)), ("linear", small.CLASSES)])
def test_logits_are_float32_a_row_a_clip_and_a_column_a_class(head, classes):
    logits = recognizer(head).logits(small.video())
    assert (logits.shape, logits.dtype) == ((2, classes), jnp.float32)
    assert jnp.isfinite(logits).all()
    assert float(jnp.abs(logits[0] - logits[1]).max()) > 1e-3  # of clips that differ


@pytest.mark.parametrize("head", ["text", "linear"])
def test_features_have_a_row_a_clip(head):
    features = recognizer(head).features(small.video())
    assert (features.shape, features.dtype) == ((2, 64), jnp.float32)


def test_class_names_give_the_logits_of_their_tokens():
    by_name = recognizer("text").logits(small.video())
    by_token = nameless().logits(small.video(), tokenize(NAMES))
    # Names are computed without the positions behind the longest, which rounds otherwise.
    np.testing.assert_allclose(by_name, by_token, rtol=0, atol=1e-5)
    # Tokens in the call come before the model's own names.
    swapped = recognizer("text").logits(small.video(), tokenize(NAMES[::-1]))
    np.testing.assert_allclose(swapped, by_name[:, ::-1], atol=1e-4)


def test_a_bfloat16_model_gives_float32_logits():
    whole = recognizer("linear")
    half = dataclasses.replace(whole.config, precision="bfloat16")
    logits = Recognizer(half, whole.variables).logits(small.video())
    assert logits.dtype == jnp.float32
    np.testing.assert_allclose(logits, whole.logits(small.video()), atol=0.3)


def test_the_text_head_without_names_or_tokens_says_what_to_give():
    with pytest.raises(ValueError, match="pass tokens to this call, or class_names"):
        nameless().logits(small.video())


def test_the_linear_head_takes_no_tokens():
    with pytest.raises(ValueError, match="linear head: call it without tokens"):
        recognizer("linear").logits(small.video(), tokenize(NAMES))
    with pytest.raises(ValueError, match="no text tower"):
        recognizer("linear").text_features(tokenize(NAMES))


def test_another_number_of_frames_is_told():
    with pytest.raises(ValueError, match="the clip has 2 frames, the model was made for 3"):
        recognizer("linear").logits(small.video(frames=2))


def test_another_resolution_is_told():
    video = jnp.zeros((1, 3, 16, 20, 3))
    with pytest.raises(ValueError, match="frames are 16×20×3, the model takes 16×16×3"):
        recognizer("linear").logits(video)


def test_a_token_outside_of_the_vocabulary_is_told():
    tokens = np.full((2, 77), 49408)
    with pytest.raises(ValueError, match="token id 49408 is outside the model's vocabulary"):
        nameless().logits(small.video(), tokens)


def test_tokens_of_another_length_are_told():
    with pytest.raises(ValueError, match=r"tokens have shape \(2, 5\): expected \[classes, 77\]"):
        nameless().logits(small.video(), np.zeros((2, 5), np.int32))
