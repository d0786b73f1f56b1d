"""What a configuration cannot say is told, all of it together."""

import copy
import functools
import math

import pytest

from ila_jax.config import from_config, read_config


def problems(changes):
    """What from_config says of the quickstart with some keys changed, a problem a line."""
    broken = copy.deepcopy(read_config("quickstart"))
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = functools.reduce(lambda tree, name: tree[name], sections, broken)
        if value is ...:
            del section[last]
        else:
            section[last] = value
    with pytest.raises(ValueError, match="the configuration cannot be used") as error:
        from_config(broken)
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_unknown_mistyped_missing_and_impossible_values_are_told_together():
    found = problems(
        {
            "model.frame": 8,
            "optimizer.rate": "fast",
            "train.seed": ...,
            "data.sampling": "sparse",
            "optimizer.betas": (0.9,),
            "augment.scales": ("one",),
            "augment.hue": 0.6,
            "evaluation.batch": 0,
        }
    )
    assert found == [
        "model.frame: no such key, did you mean model.frames?",
        "data.sampling: expected 'segments', 'interval', 'dense', found 'sparse'",
        "augment.scales: expected numbers in parentheses, found ('one',)",
        "optimizer.rate: expected float, found 'fast'",
        "optimizer.betas: expected 2 numbers, found (0.9,)",
        "train.seed: missing",
        "evaluation.batch: expected positive, found 0",
    ]


def test_a_key_without_a_near_miss_is_told_with_the_keys_there_are():
    (found,) = problems({"zzz": 1})
    assert found.startswith("zzz: no such key, known: model, initial, data")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model.size", "B/33", "expected one of tiny, B/32"),
        ("model.resolution", 33, "no multiple of the patch size 4"),
        ("model.resolution", 12, "needs at least 4"),
        ("model.frames", 1, "at least 2"),
        ("model.channels", 12, "multiple of 8"),
        ("model.dropout", 1.0, "[0, 1)"),
        ("model.classes", None, "a number with the linear head"),
        ("model.classes", 0, "positive"),
        ("model.precision", "float16", "'bfloat16'"),
        ("model.frames", True, "expected int, found True"),
        ("model", 3, "expected a section of keys, found 3"),
        ("model.probabilities", "sigmoid", "binary_cross_entropy or asymmetric with model."),
        ("train.loss", "asymmetric", "expected cross_entropy with model.probabilities=softmax"),
        ("data.threads", -1, "not negative"),
        ("data.max_bad_fraction", 2, "between 0 and 1"),
        ("data.time_limit", 0, "more than 0"),
        ("data.sampling", "dense", "a number of frames with data.sampling=dense"),
        ("data.stride", 4, "None with any other"),
        ("data.stride", 0, "1 or more"),
        ("data.motion_pairs.train_clips", 6001, "positive multiple of 8"),
        ("data.motion_pairs.validation_clips", 0, "positive multiple of 8"),
        ("data.motion_pairs", None, "evaluation.time_order: expected False"),
        ("augment.flip", 1.5, "a probability"),
        ("augment.scales", (1.5,), "numbers from 0.1 to 1, or none"),
        ("augment.brightness", -0.1, "0 (off) or more"),
        ("augment.contrast", -0.1, "0 (off) or more"),
        ("augment.saturation", math.nan, "0 (off) or more"),
        ("augment.hue", 0.51, "[0, 0.5]"),
        ("augment.hue", -0.1, "[0, 0.5]"),
        ("augment.mixup", -1.0, "0 (off) or more"),
        ("augment.cutmix", math.inf, "0 (off) or more"),
        ("augment.label_smoothing", 1.0, "[0, 1)"),
        ("evaluation.clips", 0, "positive"),
        ("evaluation.crops", 0, "positive"),
        ("optimizer.rate", -1e-3, "0 or more"),
        ("optimizer.minimal_rate", 1.0, "between 0 and the rate 0.001"),
        ("optimizer.betas", (0.9, 1.0), "two numbers in [0, 1)"),
        ("optimizer.eps", 0.0, "positive"),
        ("optimizer.weight_decay", -1.0, "0 (off) or more"),
        ("train.steps", 0, "positive"),
        ("train.batch", 15, "even"),
        ("train.log_every", 0, "positive"),
        ("train.alignment_noise", -0.2, "0 (off) or more"),
    ],
)
def test_an_impossible_value_is_told_with_its_key(key, value, said):
    found = problems({key: value})
    # What depends on the key may be told besides.
    named = [line for line in found if said in line]
    assert len(named) == 1
    assert key.split(".")[0] in named[0] or key == "data.motion_pairs"


def test_a_text_head_shares_out_its_probabilities():
    changes = {"model.probabilities": "sigmoid", "train.loss": "asymmetric"}
    text = {"model.head": "text", "model.classes": None}
    assert problems(changes | text) == [
        "model.probabilities: expected softmax with the text head, found 'sigmoid'"
    ]
