"""Two evaluations of the same videos: which videos changed, and whether that can be chance."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import stats

from ila_jax.evaluate.predictions import PREDICTIONS
from ila_jax.evaluate.results import read_result
from ila_jax.evaluate.several_labels import label_names
from ila_jax.files.json_files import json_text
from ila_jax.files.plain_name import plain_name
from ila_jax.scoring.metrics import metrics_of, telling

# Changed videos that are printed; --output takes all of them.
_SHOWN = 20


class Changed(NamedTuple):
    """A video that the two evaluations name differently.

    label: its class, or all of them with commas between. one, other: the class that each names;
    None where it could not read the video.
    """

    video: str
    label: str
    one: str | None
    other: str | None


@dataclass(frozen=True)
class Paired:
    """Videos by whose best class is theirs, or one of theirs, of those that both could read.

    p: of McNemar's exact test, how likely it is that as many or more of the videos that only one
    has right fall to one side, were both equally good. metrics: by name, of A and of B.
    changed: all whose best class differs or that only one could read. classes: how many there are.
    """

    both: int
    only_one: int
    only_other: int
    neither: int
    p: float
    metrics: dict[str, dict[str, float]]
    changed: tuple[Changed, ...]
    classes: int

    @property
    def videos(self) -> int:
        """How many videos both evaluations could read."""
        return self.both + self.only_one + self.only_other + self.neither


def mcnemar(only_one: int, only_other: int) -> float:
    """McNemar's exact two-sided p, from the binomial of the videos that only one has right.

    It is 1 where there are none of them.
    """
    discordant = only_one + only_other
    return float(stats.binomtest(only_one, discordant).pvalue) if discordant else 1.0


def compare(one: Path, other: Path) -> Paired:
    """Pairs up the videos of two finished evaluations, in whatever order each lists them.

    Errors: ValueError for a folder without results, or for different videos, labels or classes.
    """
    about = [read_result(folder) for folder in (one, other)]
    _check_same(one, other, *(result["same"] for result in about))
    names = about[0]["same"]["classes"]
    # Sorted by name, since the two may list the same videos in different orders.
    rows = [_sorted_rows(folder) for folder in (one, other)]
    shares = [np.stack(r.pop("probabilities")) for r in rows]
    label = _truth(rows[0]["label"], len(names))
    # -1 of a video that could not be read. A video that only one could read is among the changed
    # ones, and not in the test: it says nothing of who is right more often.
    predicted = [np.array([-1 if p is None else p for p in r["predicted"]]) for r in rows]
    read = (predicted[0] >= 0) & (predicted[1] >= 0)
    right = [_is_right(p, label)[read] for p in predicted]
    only_one, only_other = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())

    def named(number: int) -> str | None:
        return None if number < 0 else names[number]

    changed = tuple(
        Changed(
            rows[0]["video"][i],
            label_names(names, label[i]),
            named(predicted[0][i]),
            named(predicted[1][i]),
        )
        for i in np.flatnonzero(predicted[0] != predicted[1]).tolist()
    )
    return Paired(
        both=int((right[0] & right[1]).sum()),
        only_one=only_one,
        only_other=only_other,
        neither=int((~right[0] & ~right[1]).sum()),
        p=mcnemar(only_one, only_other),
        metrics=_metrics([values[read] for values in shares], label[read]),
        changed=changed,
        classes=len(names),
    )


def _truth(labels: Sequence[Any], classes: int) -> NDArray[Any]:
    """The videos' classes, int [n], or where each is a list of them, bool [n, k]."""
    if not isinstance(labels[0], list):
        return np.array(labels)
    truth = np.zeros((len(labels), classes), np.bool_)
    for row, numbers in zip(truth, labels, strict=True):
        row[numbers] = True
    return truth


def _is_right(predicted: NDArray[Any], label: NDArray[Any]) -> NDArray[Any]:
    """Whether the class that was named, int [n], is the video's, or one of them."""
    hits = predicted == label if label.ndim == 1 else label[np.arange(len(label)), predicted]
    return np.asarray(hits)


def _metrics(shares: Sequence[NDArray[Any]], label: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Every metric that is defined for the labels, of A and of B.

    shares: the probabilities [v, k] of both.
    Empty where there is no video.
    """
    if not len(label):
        return {}
    return {
        name: {
            side: metric.value(probabilities, label)
            for side, probabilities in zip("AB", shares, strict=True)
        }
        for name, metric in metrics_of(label).items()
    }


def described(paired: Paired, one: Path, other: Path) -> str:
    """The comparison as lines of text for a terminal, with the first changed videos."""
    shown = telling(paired.classes)
    lines = [
        f"A: {one}",
        f"B: {other}",
        f"{paired.videos} videos that both could read, of which A has "
        f"{paired.both + paired.only_one} right and B {paired.both + paired.only_other}",
        f"  both right    {paired.both:8}",
        f"  only A right  {paired.only_one:8}",
        f"  only B right  {paired.only_other:8}",
        f"  neither right {paired.neither:8}",
        *(
            f"{shown[name].title} of them: A {values['A']:.2%}, B {values['B']:.2%}"
            for name, values in paired.metrics.items()
            if name in shown
        ),
        f"McNemar, exact and two-sided: p = {paired.p:.3g}",
        f"{len(paired.changed)} videos of which A and B say different things"
        + (":" if paired.changed else ""),
    ]
    lines += [
        f"  {c.video} ({c.label}): A {c.one or 'cannot read it'}, B {c.other or 'cannot read it'}"
        for c in paired.changed[:_SHOWN]
    ]
    if len(paired.changed) > _SHOWN:
        lines.append(f"  and {len(paired.changed) - _SHOWN} more: --output FILE writes all")
    return "\n".join(lines)


def as_json(paired: Paired, one: Path, other: Path) -> str:
    """The comparison as JSON, with all changed videos."""
    values = {"A": str(one), "B": str(other)} | asdict(paired)
    values["changed"] = [change._asdict() for change in paired.changed]
    return json_text(values, indent=1)


def _check_same(one: Path, other: Path, a: dict[str, Any], b: dict[str, Any]) -> None:
    """Errors: ValueError where what two evaluations are of does not allow to pair their videos."""
    for key, what in (("videos", "videos or labels"), ("classes", "classes")):
        if a[key] != b[key]:
            difference = f": {a[key]} and {b[key]}" if key == "videos" else ""
            raise ValueError(
                f"{one} and {other} are of different {what}{difference}. Expected two evaluations "
                "of the same list"
            )


def _sorted_rows(folder: Path) -> dict[str, list[Any]]:
    """Columns by name, in the order of the videos' names and labels."""
    path = folder / PREDICTIONS
    if not path.is_file():
        raise ValueError(f"{path} is missing: expected it beside the result of the evaluation")
    try:
        several = "labels" in pq.read_schema(plain_name(path)).names
        columns_read = ["video", "labels" if several else "label", "predicted", "probabilities"]
        table = pq.read_table(plain_name(path), columns=columns_read)
        table = table.rename_columns(["video", "label", "predicted", "probabilities"])
    except Exception as error:  # pyarrow's own kinds, some of them no OSError
        raise ValueError(f"{path} cannot be read: {error}") from error
    columns = table.drop_columns("probabilities").to_pydict()
    columns["probabilities"] = list(_with_zeros(table["probabilities"].combine_chunks()))
    order = sorted(range(len(table)), key=lambda i: (columns["video"][i], columns["label"][i]))
    return {name: [values[i] for i in order] for name, values in columns.items()}


def _with_zeros(lists: pa.ListArray) -> NDArray[Any]:
    """A column of lists of one length k as float [n, k], with zeros where there is none."""
    present = lists.is_valid().to_numpy(zero_copy_only=False)
    values = lists.flatten().to_numpy()  # of those alone that are there
    out = np.zeros((len(present), len(values) // max(int(present.sum()), 1)))
    out[present] = values.reshape(-1, out.shape[1])
    return out
