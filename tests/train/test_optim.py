"""AdamW with groups, the schedules and the rules, against numbers by hand."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ila_jax.config import OptimizerConfig, to_dict
from ila_jax.train.optimizers import OPTIMIZERS, adamw, decays, descend, make_optimizer
from ila_jax.train.parameter_groups import (
    FROZEN,
    GROUPS,
    Group,
    find_lr_factors,
    join,
    partition,
)
from ila_jax.train.schedules import alignment_noise, make_lr_schedule
from ila_jax.train.start import check_folder
from tests.models import small
from tests.train import runs

RATE, DECAY, BETAS, EPS = 1e-2, 0.1, (0.9, 0.98), 1e-8


def config(**changes):
    values = {
        "groups": "k400",
        "rate": RATE,
        "minimal_rate": 1e-4,
        "warmup_epochs": 2.0,
        "weight_decay": DECAY,
        "betas": BETAS,
        "eps": EPS,
        "clip_norm": 0.0,
    }
    return OptimizerConfig(**values | changes)


# path: (shape, factor in the table "k400", decays). Matrices decay; vectors and positions do not.
PARAMETERS = {
    "visual/embed/patches/kernel": ((2, 3), 1.0, True),
    "visual/embed/positions": ((2, 3), 1.0, False),
    "visual/blocks/0/spatial/norm1/scale": ((3,), 1.0, False),
    "visual/blocks/0/temporal/fc/kernel": ((2, 3), 10.0, True),
    "visual/blocks/0/temporal/fc/bias": ((3,), 10.0, False),
    "visual/temporal_embedding": ((2, 3), 10.0, False),  # new, so at ten times the rate
    "mit/positions": ((2, 3), 10.0, False),
    "head/prompts/alpha": ((3,), 10.0, False),
    "head/logit_scale": ((), FROZEN, False),
    "text/tokens": ((2, 3), FROZEN, True),
}


def tree(scale, seed):
    random = np.random.RandomState(seed)
    return {
        path: jnp.asarray(scale * random.uniform(-1, 1, shape), jnp.float32)
        for path, (shape, _, _) in PARAMETERS.items()
    }


def expected_after(params, gradients):
    """AdamW in float64 after one step for each of `gradients`, path by path."""
    out = {}
    for path, (_, factor, decayed) in PARAMETERS.items():
        value = np.asarray(params[path], np.float64)
        m = v = np.zeros_like(value)
        for count, grads in enumerate(gradients, start=1):
            g = np.asarray(grads[path], np.float64)
            m = BETAS[0] * m + (1 - BETAS[0]) * g
            v = BETAS[1] * v + (1 - BETAS[1]) * g * g
            direction = (m / (1 - BETAS[0] ** count)) / (np.sqrt(v / (1 - BETAS[1] ** count)) + EPS)
            direction = direction + (DECAY * value if decayed else 0)
            value = value - factor * RATE * direction
        out[path] = value
    return out


@pytest.mark.parametrize("steps", [1, 3])
def test_adamw_equals_numpy(steps):
    params, gradients = tree(0.5, 0), [tree(0.1, 1 + i) for i in range(steps)]
    rates = find_lr_factors(small.unflat(params), GROUPS["k400"])
    optimizer = adamw(config())
    trainable, frozen = partition(small.unflat(params), rates)
    state = optimizer.init(trainable)
    for grads in gradients:
        grads, _ = partition(small.unflat(grads), rates)
        direction, state = optimizer.update(grads, state, trainable)
        trainable = descend(trainable, direction, jnp.float32(RATE), rates)
    found = small.flat(join(trainable, frozen))
    expected = expected_after(params, gradients)
    for path in PARAMETERS:
        # Single precision holds 1e-7 of what is moved; three steps of ten times 1e-2 round more.
        atol = 1e-7 if steps == 1 else 3e-7
        np.testing.assert_allclose(found[path], expected[path], atol=atol, rtol=0, err_msg=path)
    for path in ("head/logit_scale", "text/tokens"):
        np.testing.assert_array_equal(found[path], params[path])


def test_the_factors_are_those_of_the_table():
    found = find_lr_factors(small.unflat(tree(1, 0)), GROUPS["k400"])
    assert found == {path: factor for path, (_, factor, _) in PARAMETERS.items()}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("ssv2", {"new": 1.0, "clip": FROZEN, "mit": 1.0, "text": FROZEN, "scale": FROZEN}),
        ("scratch", {"new": 1.0, "clip": 1.0, "mit": 1.0, "text": FROZEN, "scale": FROZEN}),
        ("fresh_head", {"new": 10.0, "clip": 1.0, "mit": 160.0, "text": FROZEN, "scale": FROZEN}),
    ],
)
def test_the_other_tables(groups, expected):
    paths = {
        "new": "visual/blocks/3/temporal/message/kernel",
        "clip": "visual/blocks/3/spatial/attn/qkv/kernel",
        "mit": "mit/positions",
        "text": "text/tokens",
        "scale": "head/logit_scale",
    }
    found = find_lr_factors(small.unflat(dict.fromkeys(paths.values(), 0)), GROUPS[groups])
    assert {name: found[path] for name, path in paths.items()} == expected


def test_what_decays():
    assert small.flat(decays(small.unflat(tree(1, 0)))) == {
        path: decayed for path, (_, _, decayed) in PARAMETERS.items()
    }


def test_paths_without_a_rule_are_named_together():
    params = {"visual": {"a": 0}, "extra": {"b": 0, "c": 0}}
    with pytest.raises(ValueError, match="no optimizer group matches extra/b, extra/c: add a rule"):
        find_lr_factors(params, GROUPS["k400"])


def test_the_first_match_wins_and_patterns_are_of_whole_paths():
    groups = (Group("a/b", 2.0), Group("a/.*", 3.0), Group("a/c", 4.0))
    assert find_lr_factors({"a": {"b": 0, "c": 0, "bb": 0}}, groups) == {
        "a/b": 2.0,
        "a/c": 3.0,
        "a/bb": 3.0,
    }


def test_partition_and_join_undo_each_other():
    params = small.unflat(tree(1, 0))
    trainable, frozen = partition(params, find_lr_factors(params, GROUPS["k400"]))
    assert set(small.flat(frozen)) == {"head/logit_scale", "text/tokens"}
    assert not set(small.flat(frozen)) & set(small.flat(trainable))
    jax.tree.map(np.testing.assert_array_equal, join(trainable, frozen), params)


def test_the_global_norm_is_clipped():
    grads = {"w": jnp.asarray([[3.0, 4.0]])}  # norm 5
    for clip, scale in ((0.0, 1.0), (1.0, 0.2), (10.0, 1.0)):
        optimizer = adamw(config(clip_norm=clip, weight_decay=0.0, betas=(0.0, 0.0), eps=1.0))
        direction, _ = optimizer.update(grads, optimizer.init(grads), grads)
        # Without momentum: g / (|g| + 1).
        clipped = scale * np.array([[3.0, 4.0]])
        np.testing.assert_allclose(direction["w"], clipped / (clipped + 1), rtol=1e-6)


def test_some_gradients_are_clipped_by_the_norm_of_all():
    """What is clipped part by part is what is clipped as a whole."""
    grads = {"v": jnp.asarray([[12.0]]), "w": jnp.asarray([[3.0, 4.0]])}  # norm 13
    optimizer = make_optimizer(config(clip_norm=1.0, weight_decay=0.1))
    whole, _ = optimizer.update(grads, optimizer.init(grads), grads)
    for name, gradient in grads.items():
        part = {name: gradient}
        direction, _ = optimizer.update(
            part, optimizer.init(part), part, gradient_norm=jnp.float32(13)
        )
        np.testing.assert_allclose(direction[name], whole[name], rtol=1e-6)


def test_an_optimizer_is_one_function_and_one_row(monkeypatch):
    """With no other change the trainer takes it by its name."""

    def signs(config):
        return optax.scale_by_sign()

    monkeypatch.setitem(OPTIMIZERS, "signs", signs)
    grads = {"w": jnp.asarray([3.0, -4.0])}
    optimizer = make_optimizer(config(name="signs"))
    direction, _ = optimizer.update(grads, optimizer.init(grads), grads)
    assert direction["w"].tolist() == [1.0, -1.0]


def test_an_unknown_optimizer_is_told_and_a_configuration_without_one_has_adamw():
    with pytest.raises(ValueError, match=r"optimizer.name is 'sgd': expected one of adamw"):
        make_optimizer(config(name="sgd"))
    assert config().name == "adamw"


def test_a_run_of_the_version_before_which_names_no_optimizer_goes_on(tmp_path):
    values = to_dict(runs.config({}))
    del values["optimizer"]["name"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    check_folder(tmp_path, runs.config({}))
    with pytest.raises(ValueError, match=r"optimizer.name: 'adamw', 'signs'"):
        check_folder(tmp_path, runs.config({"optimizer.name": "signs"}))


# ---- Schedules


def rate(step, **changes):
    made = make_lr_schedule(config(**changes), steps=101, steps_per_epoch=10)  # 20 steps of warm-up
    return float(made(step))


def test_the_rate_is_0_at_step_0_and_rises_in_a_line():
    assert rate(0) == 0
    assert rate(5) == pytest.approx(RATE / 4, rel=1e-6)
    assert rate(19) == pytest.approx(RATE * 19 / 20, rel=1e-6)


def test_the_rate_peaks_at_the_end_of_the_warm_up():
    assert rate(20) == pytest.approx(RATE, rel=1e-6)
    assert max(rate(step) for step in range(0, 101, 5)) == rate(20)


def test_the_rate_is_the_cosine_between_peak_and_last_step():
    # Steps 20 to 100: the middle is 60, a quarter of the way 40.
    assert rate(60) == pytest.approx((RATE + 1e-4) / 2, rel=1e-5)
    quarter = 1e-4 + (RATE - 1e-4) * (1 + np.cos(np.pi / 4)) / 2
    assert rate(40) == pytest.approx(quarter, rel=1e-5)


def test_the_minimal_rate_comes_at_the_last_step_and_not_before():
    assert rate(100) == pytest.approx(1e-4, rel=1e-5)
    assert rate(99) > 1.01e-4


def test_without_warm_up_the_first_step_has_the_full_rate():
    assert rate(0, warmup_epochs=0.0) == pytest.approx(RATE, rel=1e-6)


def test_a_warm_up_that_leaves_no_step_is_told():
    with pytest.raises(
        ValueError,
        match=r"is 2, of 100 steps.*are 200 steps; train.steps is 200.*202.*1.98 or less",
    ):
        make_lr_schedule(config(), steps=200, steps_per_epoch=100)
    made = make_lr_schedule(config(warmup_epochs=1.98), steps=200, steps_per_epoch=100)
    assert float(made(198)) == pytest.approx(RATE, rel=1e-6)


def test_the_shortest_runs():
    """A run of one step has no warm-up, and one of two steps has no step of it to spare."""
    alone = make_lr_schedule(config(warmup_epochs=0.0), steps=1, steps_per_epoch=1)
    assert float(alone(0)) == pytest.approx(RATE, rel=1e-6)
    with pytest.raises(ValueError, match=r"are 1 steps; train.steps is 2.* to 3 or more.* 0 or"):
        make_lr_schedule(config(warmup_epochs=1.0), steps=2, steps_per_epoch=1)


# e = ⌊50·step/steps⌋: ρ is 0.2 up to e = 29 and halves at every e from 30.
@pytest.mark.parametrize(
    ("step", "noise"),
    [
        (0, 0.2),
        (2999, 0.2),
        (2900, 0.2),
        (3000, 0.1),
        (3099, 0.1),
        (3100, 0.05),
        (4900, 0.2 * 0.5**20),
        (4999, 0.2 * 0.5**20),
    ],
)
def test_the_alignment_noise_halves_from_60_percent_on(step, noise):
    found = alignment_noise(0.2, jnp.int32(step), steps=5000)
    assert found.dtype == jnp.float32
    assert float(found) == pytest.approx(noise, rel=1e-6)


def test_the_alignment_noise_of_the_longest_recipe_does_not_overflow():
    found = alignment_noise(0.2, jnp.int32(49_999), steps=50_000)
    assert float(found) == pytest.approx(0.2 * 0.5**20, rel=1e-6)
