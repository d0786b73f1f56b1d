"""What is decided, by hand: batch, length, rate, balance; and what is refused."""

import dataclasses

import pytest

from ila_jax.config import from_config, read_config
from ila_jax.finetune import decisions as decide


@pytest.mark.parametrize(
    ("videos", "devices", "batch"),
    [(400, 1, 20), (403, 1, 20), (100, 1, 8), (9, 1, 8), (7, 1, 6), (10_000, 1, 64),
     (400, 8, 16), (20, 8, 16), (1000, 4, 48)],
)  # fmt: skip
def test_a_batch_makes_about_twenty_steps_an_epoch(videos, devices, batch):
    assert decide.choose_batch(videos, devices, None)[0] == batch


def test_batches_that_make_no_run():
    with pytest.raises(ValueError, match=r"15 videos to train on.*expected 16"):
        decide.choose_batch(15, 8, None)
    for asked in (0, -2, 5, 12):
        with pytest.raises(
            ValueError, match=rf"--batch is {asked}: expected a multiple of 2.* 10 "
        ):
            decide.choose_batch(11, 1, asked)
    batch, decision = decide.choose_batch(11, 1, 10)
    assert (batch, decision.reason) == (10, "as you asked")


def test_a_length_is_in_epochs():
    assert decide.choose_epochs(None, 30, from_noise=False)[0] == 30
    assert decide.choose_epochs(None, 30, from_noise=True)[0] == 100
    assert decide.choose_epochs(2.5, 30, from_noise=True)[0] == 2.5
    told = [decide.choose_epochs(asked, 30, from_noise=noise)[1] for asked, noise in (
        (None, False), (None, True), (2.5, True))]  # fmt: skip
    assert [decision[:2] for decision in told] == [
        ("length", "30 epochs"), ("length", "100 epochs"), ("length", "2.5 epochs")]  # fmt: skip
    for asked in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="--epochs"):
            decide.choose_epochs(asked, 30, from_noise=False)


def test_validations_are_at_most_about_thirty():
    every = decide.epochs_between_validations
    assert [every(epochs) for epochs in (0.5, 1, 30, 100, 300)] == [0.5, 1, 1, 3, 10]


def test_what_trains():
    choose = decide.choose_blocks
    assert [choose(r, 12, None)[0] for r in ("full", "partial", "frozen")] == [None, 4, 0]
    assert [choose("partial", depth, None)[0] for depth in (2, 6, 24)] == [1, 2, 4]
    assert choose("partial", 12, 12)[0] == 12
    for recipe, asked in (("partial", 0), ("partial", 13), ("full", 3), ("frozen", 1)):
        with pytest.raises(ValueError, match=f"--blocks is {asked} with --recipe {recipe}"):
            choose(recipe, 12, asked)


def test_how_long_a_run_waits_for_a_better_validation():
    (off, never), (validations, five) = [decide.choose_patience(n, "mAP") for n in (0, 5)]
    assert (off, validations) == (None, 5)
    assert (never.what, never.value) == ("early stopping", "off")
    assert (five.what, five.value) == ("early stopping", "after 5 validations that are no better")
    with pytest.raises(ValueError, match="--patience is -1: expected validations, or 0 for off"):
        decide.choose_patience(-1, "mAP")


def test_the_rate_goes_with_the_batch():
    rate, decision = decide.choose_rate((8e-6, 256), 16, None, "the paper")
    assert rate == pytest.approx(5e-7)  # a sixteenth
    assert decision.reason == "8.0e-06 of the paper, in proportion to the batch, 16 for 256"
    assert decide.choose_rate((8e-6, 256), 16, 1e-3, "the paper")[0] == 1e-3
    both = decide.choose_rate((8e-6, 256), 16, None, "the paper", times=160)[1]
    assert both.value == "5.00e-07, 8.00e-05 for the head"
    with pytest.raises(ValueError, match="--rate is -1"):
        decide.choose_rate((8e-6, 256), 16, -1.0, "the paper")


def test_augmentation_is_told_as_it_is():
    def told(name, *overrides):
        config = from_config(read_config(name, list(overrides)))
        return decide.describe_augmentation(config, "the recipe").value

    assert told("finetune/full") == "crops, flips, colours, gray, mixup, cutmix"
    assert told("finetune/full", ("augment.flip", 0), ("augment.mixup", 0)) == (
        "crops, colours, gray, cutmix"
    )
    assert told("finetune/frozen") == "none, 2 fixed clips of each video"
    more = ("augment.randaugment_layers", 4), ("augment.erasing", 0.25)
    assert told("finetune/partial", *more).endswith("cutmix, RandAugment, random erasing")


def test_a_fresh_head_sees_the_middle_of_few_clips():
    paper = from_config(read_config("finetune/full"))

    def chosen(videos, *, fresh_head):
        augment, whose = decide.choose_augmentation(
            paper.augment, "the paper", videos, fresh_head=fresh_head
        )
        config = dataclasses.replace(paper, augment=augment)
        return decide.describe_augmentation(config, whose)

    few = chosen(999, fresh_head=True)
    assert few.value == "flips, colours, gray"
    assert few.reason == (
        "that of the paper, without crops and mixing, as 999 clips are few for a fresh head"
    )
    for whole in (chosen(1000, fresh_head=True), chosen(999, fresh_head=False)):
        assert whole.value == "crops, flips, colours, gray, mixup, cutmix"
        assert whole.reason == "that of the paper"


def test_classes_are_balanced_where_it_is_asked_for():
    balance, decision = decide.choose_balance({"a": 31, "b": 10}, None)
    assert balance == "none"
    assert decision.reason == (
        "'a' has 31 clips, 'b' 10; to show all as often did not help in our trial"
    )
    assert decide.choose_balance({"a": 31, "b": 10}, "sampling")[0] == "sampling"


def test_clips_of_several_labels():
    """Below a tenth of the classes a clip, the absent ones count less."""
    losses = [decide.choose_loss(labels, 20) for labels in (1.9, 2.0)]
    assert [loss for loss, _ in losses] == ["asymmetric", "binary_cross_entropy"]
    assert "a clip shows 1.9 of 20 classes on average: the many absent" in losses[0][1].reason
    assert [decide.choose_balance_of_several(asked)[0] for asked in (None, "none")] == ["none"] * 2
    with pytest.raises(ValueError, match="--balance is sampling: expected none, as a clip of"):
        decide.choose_balance_of_several("sampling")
