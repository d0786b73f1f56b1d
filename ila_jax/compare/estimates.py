"""Means over seeds and scenes with their intervals, and whether a difference can be chance.

Seeds and scenes are both samples: another seed trains another model, and other scenes are other
questions. The variance of a mean is that between seeds plus that between scenes, with the degrees
of freedom of Satterthwaite (quasi-t: Clark, 1973, "The language-as-fixed-effect fallacy"). A scene
is a clip and its reversal, which show the same objects, and are no two samples.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

# Of all intervals.
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean. margin: half of its 95 % interval. p: two-sided, of its being 0."""

    value: float
    margin: float
    p: float


def estimate(values: np.ndarray) -> Estimate:
    """The mean of values [s, v] of s seeds and v clips, neighbours being one scene.

    NaN where a clip has no value; a scene counts where it has one in every seed. With one seed the
    interval is over scenes alone.
    """
    return estimate_of_scenes(_scenes(values))


def estimate_of_scenes(scenes: np.ndarray) -> Estimate:
    """The mean of values [s, n] of s seeds and n scenes, with one value each; NaN without any."""
    if not scenes.size:
        return Estimate(math.nan, math.nan, math.nan)
    between_seeds, between_scenes = (_squared_error(scenes.mean(axis=axis)) for axis in (1, 0))
    variance = between_seeds + between_scenes
    mean = float(scenes.mean())
    if variance == 0:
        return Estimate(mean, 0.0, 1.0 if mean == 0 else 0.0)
    freedom = variance**2 / sum(
        part**2 / (count - 1)
        for part, count in zip((between_seeds, between_scenes), scenes.shape, strict=True)
        if part > 0
    )
    error = variance**0.5
    margin = stats.t.ppf((1 + LEVEL) / 2, freedom) * error
    return Estimate(mean, float(margin), float(2 * stats.t.sf(abs(mean) / error, freedom)))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
    """The ratio of two means, [s, v] each; its interval by linearisation. p is of its being 0."""
    whole = float(denominator.mean())
    if whole == 0:
        return Estimate(math.nan, math.nan, math.nan)
    value = float(numerator.mean()) / whole
    of_residuals = estimate((numerator - value * denominator) / whole)
    return Estimate(value, of_residuals.margin, math.nan)


def correlation(values: np.ndarray, right: np.ndarray) -> Estimate:
    """The correlation over clips of values and of being right, [s, v] each: the mean over seeds.

    By Fisher's z, with as many samples as there are scenes. NaN where all clips are right, or none.
    """
    pairs = [_correlation(*seed) for seed in zip(values, right, strict=True)]
    known = [np.arctanh(np.clip(r, -0.999999, 0.999999)) for r in pairs if math.isfinite(r)]
    if not known:
        return Estimate(math.nan, math.nan, math.nan)
    z, scenes = float(np.mean(known)), values.shape[1] // 2
    # Seeds see the same scenes: their mean is no surer than one of them.
    error = max(scenes - 3, 1) ** -0.5
    bound = stats.norm.ppf((1 + LEVEL) / 2) * error
    margin = float(np.tanh(abs(z) + bound) - np.tanh(abs(z)))
    wider = float(np.tanh(abs(z)) - np.tanh(abs(z) - bound))
    return Estimate(float(np.tanh(z)), max(margin, wider), float(2 * stats.norm.sf(abs(z) / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number (Holm, 1979), in the given order; NaN stay NaN."""
    known = [i for i, p in enumerate(p_values) if math.isfinite(p)]
    corrected, largest = list(p_values), 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: p_values[i])):
        # A larger p never becomes smaller than one before it.
        largest = max(largest, min(1.0, (len(known) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


def differences(
    values: Mapping[str, np.ndarray], reference: str
) -> dict[str, tuple[Estimate, float]]:
    """Each row less the reference, clip by clip and seed by seed, and its corrected p.

    values: [s, v] by name; rows that have fewer seeds are compared on those that both have.
    """
    base = values[reference]
    found = {
        name: estimate(row[: len(base)] - base[: len(row)])
        for name, row in values.items()
        if name != reference
    }
    corrected = holm([difference.p for difference in found.values()])
    return dict(zip(found, zip(found.values(), corrected, strict=True), strict=True))


def _scenes(values: np.ndarray) -> np.ndarray:
    """The means of clips and their reversals, [s, scenes], of scenes known in all seeds."""
    values = np.asarray(values, np.float64)
    scenes = values.reshape(len(values), -1, 2).mean(axis=2)
    known: np.ndarray = scenes[:, np.isfinite(scenes).all(axis=0)]
    return known


def _squared_error(means: np.ndarray) -> float:
    """The squared standard error of a mean of independent values; 0 of one."""
    return float(means.var(ddof=1) / len(means)) if len(means) > 1 else 0.0


def _correlation(values: np.ndarray, right: np.ndarray) -> float:
    known = np.isfinite(values)
    values, right = values[known], right[known].astype(np.float64)
    if len(values) < 3 or values.std() == 0 or right.std() == 0:
        return math.nan
    return float(np.corrcoef(values, right)[0, 1])
