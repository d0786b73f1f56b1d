"""What the command decides, each with its reason: plain arithmetic on what is known of the data."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from ila_jax.config import AugmentConfig, Config
from ila_jax.files.counts import count_of
from ila_jax.tables import Table

# From noise all has to be learnt. As the lengths of the recipes, not tuned on real videos.
_EPOCHS_FROM_NOISE = 100.0
# Steps of an epoch that a batch is chosen for, and the batches that it is chosen between.
_STEPS_PER_EPOCH, _SMALLEST, _LARGEST = 20, 8, 64
# Training clips below which a fresh head is shown the middle of each. Not tuned: the trial had 386.
_FEW = 1000
# Of the image tower, as `finetune/partial` has it for the 12 of a B/16.
_BLOCKS = 4
# The share of its classes that a clip shows, below which the absent ones count less. Not tuned.
_RARE = 0.1
# Of the epochs, the warm-up: the paper's is 5 of 53.
WARMUP = 0.1
# Validations of a run at most: each is a pass over the validation videos, and a checkpoint.
_VALIDATIONS = 30


class Decision(NamedTuple):
    """Something that was decided. value: in words. reason: why, or who asked for it."""

    what: str
    value: str
    reason: str


ASKED = "as you asked"
UNSMOOTHED = Decision(
    "label smoothing",
    "none",
    "of clips of several labels it would make every absent class likelier",
)


def choose_batch(videos: int, devices: int, asked: int | None) -> tuple[int, Decision]:
    """The number of clips of a step. videos: to train on.

    Errors: ValueError where the videos are fewer than a batch, or the devices cannot share it.
    """
    # Clips are mixed in pairs, and no pair is on two devices.
    unit = 2 * devices
    if videos < unit:
        raise ValueError(
            f"there are {videos} videos to train on, and {devices} devices need two each in every "
            f"step: expected {unit} videos or more, or fewer devices"
        )
    if asked is not None:
        if asked <= 0 or asked % unit or asked > videos:
            raise ValueError(
                f"--batch is {asked}: expected a multiple of {unit} (two clips for each of "
                f"{devices} devices), {videos // unit * unit} at most (there are {videos} videos "
                "to train on)"
            )
        return asked, Decision("batch", f"{asked} clips", ASKED)
    wanted = min(max(videos // _STEPS_PER_EPOCH, _SMALLEST), _LARGEST, videos)
    batch = max(wanted // unit, 1) * unit
    reason = (
        f"about {_STEPS_PER_EPOCH} steps an epoch, but {_SMALLEST} to {_LARGEST} clips, in pairs "
        f"on {count_of(devices, 'device', 'devices')}"
    )
    return batch, Decision("batch", f"{batch} clips", reason)


def choose_epochs(
    asked: float | None, of_recipe: float, *, from_noise: bool
) -> tuple[float, Decision]:
    """The length of a run. asked, of_recipe: epochs. Errors: ValueError for one that is none."""
    if asked is not None:
        if not 0 < asked < 1e6:
            raise ValueError(f"--epochs is {asked:g}: expected a positive number")
        return asked, Decision("length", f"{asked:g} epochs", ASKED)
    if from_noise:
        reason = "all has to be learnt from noise; not tuned on your videos"
        return _EPOCHS_FROM_NOISE, Decision("length", f"{_EPOCHS_FROM_NOISE:g} epochs", reason)
    reason = "the recipe's; not tuned on your videos"
    return of_recipe, Decision("length", f"{of_recipe:g} epochs", reason)


def epochs_between_validations(epochs: float) -> float:
    """How often a run validates: after each epoch, but for long runs of short epochs less often."""
    return min(float(max(1, round(epochs / _VALIDATIONS))), epochs)


def choose_blocks(recipe: str, depth: int, asked: int | None) -> tuple[int | None, Decision]:
    """How many blocks of the image tower train, the last ones; None for all that the papers train.

    recipe: full, partial or frozen. depth: all blocks of the tower. asked: with partial.
    Errors: ValueError for a number that is none, and with another recipe.
    """
    if asked is not None and (recipe != "partial" or not 0 < asked <= depth):
        raise ValueError(
            f"--blocks is {asked} with --recipe {recipe}: expected a number from 1 to {depth}, the "
            "blocks of the image tower, with --recipe partial"
        )
    if recipe == "full":
        return None, Decision("trains", "all that the papers train", "--recipe full")
    if recipe == "frozen":
        words = "multi-frame integration and head alone"
        return 0, Decision("trains", words, "--recipe frozen")
    blocks = asked or min(_BLOCKS, max(1, depth // 3))
    reason = ASKED if asked else f"--recipe partial: {_BLOCKS}, but no more than a third"
    return blocks, Decision("trains", f"the last {blocks} of {depth} blocks, and the head", reason)


def choose_patience(asked: int, metric: str) -> tuple[int | None, Decision]:
    """After how many validations without a better one a run ends. metric: of "better", in words.

    Errors: ValueError below 0.
    """
    if asked < 0:
        raise ValueError(f"--patience is {asked}: expected validations, or 0 for off")
    if asked == 0:
        return None, Decision("early stopping", "off", ASKED)
    reason = f"the best checkpoint is kept; {metric} counts every class the same"
    words = f"after {asked} validations that are no better"
    return asked, Decision("early stopping", words, reason)


def choose_balance(clips: Mapping[str, int], asked: str | None) -> tuple[str, Decision]:
    """How classes of different sizes are shown. clips: how many each has to train on."""
    if asked is not None:
        return asked, Decision("balance of classes", asked, ASKED)
    (few, least), (many, most) = (
        end(clips.items(), key=lambda item: item[1]) for end in (min, max)
    )
    # So in all of three pairs of runs on the trial set (finetune.md).
    sizes = f"{many!r} has {most} clips, {few!r} {least}"
    reason = f"{sizes}; to show all as often did not help in our trial"
    return "none", Decision("balance of classes", "none", reason)


def choose_balance_of_several(asked: str | None) -> tuple[str, Decision]:
    """As `choose_balance`, for clips of any number of classes. Errors: ValueError."""
    if asked not in (None, "none"):
        raise ValueError(
            f"--balance is {asked}: expected none, as a clip of several labels cannot be shown or "
            "weighed as each of its classes asks for"
        )
    return "none", Decision("balance of classes", "none", "clips have several labels")


def choose_loss(labels: float, classes: int) -> tuple[str, Decision]:
    """The loss for clips of any number of classes. labels: that a clip has on average."""
    shown = f"a clip shows {labels:.1f} of {classes} classes on average"
    if labels < _RARE * classes:
        reason = f"{shown}: the many absent ones would drown them, and count less here"
        return "asymmetric", Decision("loss", "asymmetric", reason)
    return "binary_cross_entropy", Decision("loss", "binary cross entropy", shown)


def choose_rate(
    of_recipe: tuple[float, int], batch: int, asked: float | None, whose: str, times: float = 1.0
) -> tuple[float, Decision]:
    """The learning rate. of_recipe: its rate, and the batch that it is for. whose: in words.

    times: how many times this rate the head gets, by the optimizer's groups. The rate goes with the
    batch in proportion, as the recipes say it (training.md).
    Errors: ValueError for a rate that is none.
    """
    if asked is not None:
        if not 0 < asked < 1:
            raise ValueError(f"--rate is {asked:g}: expected a number between 0 and 1")
        return asked, Decision("learning rate", _rates(asked, times), ASKED)
    rate, of_batch = of_recipe
    scaled = rate * batch / of_batch
    reason = f"{rate:.1e} of {whose}, in proportion to the batch, {batch} for {of_batch}"
    return scaled, Decision("learning rate", _rates(scaled, times), reason)


def _rates(rate: float, times: float) -> str:
    return f"{rate:.2e}" + (f", {times * rate:.2e} for the head" if times != 1 else "")


def choose_augmentation(
    of_recipe: AugmentConfig, whose: str, videos: int, *, fresh_head: bool
) -> tuple[AugmentConfig, str]:
    """What changes the training clips, and of whom that is, in words.

    whose: of whom the recipe is. videos: to train on. fresh_head: whether a head has all to learn:
    one that did learnt nothing from crops of a few hundred clips (finetune.md).
    """
    if not fresh_head or videos >= _FEW:
        return of_recipe, whose
    whole = dataclasses.replace(of_recipe, scales=(), mixup=0.0, cutmix=0.0)
    why = f"without crops and mixing, as {videos} clips are few for a fresh head"
    return whole, f"{whose}, {why}"


def describe_augmentation(config: Config, whose: str) -> Decision:
    """What changes the training clips. whose: of whom that is, in words."""
    if config.data.cached_views:
        words = f"none, {config.data.cached_views} fixed clips of each video"
        return Decision("augmentation", words, "what the frozen tower gives for them is kept")
    augment = config.augment
    changes = {
        "crops": augment.scales,
        "flips": augment.flip,
        "colours": augment.jitter,
        "gray": augment.grayscale,
        "mixup": augment.mixup,
        "cutmix": augment.cutmix,
        "RandAugment": augment.randaugment_layers,
        "random erasing": augment.erasing,
    }
    names = [name for name, value in changes.items() if value]
    return Decision("augmentation", ", ".join(names), f"that of {whose}")


def table(decisions: list[Decision]) -> Table:
    """The decisions as people read them."""
    return Table("Decided", ["", "", "because"], [list(decision) for decision in decisions])
