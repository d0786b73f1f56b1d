"""Runs of a comparison that nobody trained, with the figures they are made with."""

import numpy as np

from ila_jax.compare import __main__ as compare
from ila_jax.compare.comparison import Finished, Outcome
from ila_jax.pictures.alignment_measures import Measured
from ila_jax.scoring.time_order import Answers, TimeOrder
from tests.train import runs

NAMES = ("moving left", "moving right", "moving up")


def finished(method, positions, seed, right, setting=("middle", "steps"), steps=100):
    """A run that names the first clips rightly, so many eighths of 32."""
    clip = np.arange(32)
    label = clip % 2
    named = np.where(clip < 4 * right, label, 1 - label)
    clips = Answers(label, named, 1 - label, label, NAMES)
    per_class = {name: right / 8 for name in NAMES[:2]} | {NAMES[2]: None}
    order = TimeOrder(forward=right / 8, to_partner=1.0, shuffled=1.0, per_class=per_class)
    outcome = Outcome(method, positions, seed, order, 100.0 + seed, *setting, steps, 16)
    shares = [0.1 * k + 0.01 * (clip // 8) for k in range(1, 6)]
    # Still points name one clip less, and masks that are everywhere as many.
    still = np.where(clip == 0, 1 - named, named)
    replaced = {"still": still, "everywhere": named}
    return Finished(outcome, clips, {("masks", 1): Measured(*shares)}, replaced)


def planned(*given, folder="w"):
    """The runs that arguments ask for."""
    parser = compare._parser()
    options, overrides = compare.cli.parse_overrides(
        parser, ["--workdir", str(folder), "--config", f"{runs.ROOT}/configs/alignment.py", *given]
    )
    return compare._plan(options, overrides).runs()
