"""The three protocols, and what a user cannot set in them: it would be used by nothing."""

from collections.abc import Collection, Iterator, Sequence

from ila_jax.config import Override

ZERO_SHOT, FEW_SHOT, SUPERVISED = PROTOCOLS = ("zero-shot", "few-shot", "supervised")
_OF_TRAINING = ("seeds", "recipe", "blocks", "temporal", "resolution", "epochs", "batch", "rate",
                "device_memory")  # fmt: skip
# Options that change nothing, by protocol.
_UNUSED: dict[str, Collection[str]] = {
    ZERO_SHOT: ("shots", "lists", *_OF_TRAINING),
    FEW_SHOT: (),
    SUPERVISED: ("shots", "lists"),
}
_LISTS = "the data set's own lists decide it, with --root and --class-names"
_LAST = "the test clips choose nothing: the last checkpoint is measured, once"
# Keys of configurations that are decided otherwise, and how.
_DECIDED = {
    "data.train": _LISTS,
    "data.validation": _LISTS,
    "data.class_names": _LISTS,
    "data.root": _LISTS,
    "train.evaluate_every": _LAST,
    "train.evaluate_every_epochs": _LAST,
    "train.patience": _LAST,
    "train.best_metric": _LAST,
    "train.seed": "a run is named after its seed: give --seeds",
    "evaluation.clips": "give --clips",
    "evaluation.crops": "give --crops",
}
# What measuring does not use of a configuration, but for the time a process may be silent.
_TRAINING_SECTIONS = ("initial", "augment", "optimizer", "train")
_HANG_LIMIT = "train.hang_limit"


def check_used(protocol: str, names: Collection[str], overrides: Sequence[Override]) -> None:
    """Checks that all that a user has set is used. names: of the options that were given.

    Errors: ValueError that says of each option what to do instead.
    """
    problems = [
        f"--{name.replace('_', '-')} changes nothing in {protocol}: leave it out"
        for name in _UNUSED[protocol]
        if name in names
    ]
    problems += _unused_keys(protocol, [key for key, _ in overrides])
    if problems:
        raise ValueError("\n".join(problems))


def _unused_keys(protocol: str, keys: Sequence[str]) -> Iterator[str]:
    """Sentences about keys of the configuration that cannot be set here."""
    for key in keys:
        of_training = key.partition(".")[0] in _TRAINING_SECTIONS and key != _HANG_LIMIT
        if key in _DECIDED:
            yield f"--config.{key} cannot be set here: {_DECIDED[key]}"
        elif protocol == ZERO_SHOT and of_training:
            yield f"--config.{key} changes nothing in {protocol}: leave it out"
