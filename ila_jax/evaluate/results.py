"""What an evaluation is of, and its numbers: `evaluation.json` first, `result.json` last."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ila_jax.data.sources.source import class_counts
from ila_jax.data.video.bad import Reason
from ila_jax.evaluate import accuracy
from ila_jax.evaluate.accuracy import ScoredVideos
from ila_jax.evaluate.predictions import PREDICTIONS
from ila_jax.evaluate.several_labels import class_precisions
from ila_jax.evaluate.subject import Subject
from ila_jax.files.json_files import json_text, read_object
from ila_jax.files.printable import printable
from ila_jax.files.publish import publish_text, remove_partial, sync_folder
from ila_jax.job.stop import STOP_FILE
from ila_jax.scoring.calibration import calibration
from ila_jax.scoring.cautions import small_classes, small_validation

ABOUT, RESULT, REPORT = "evaluation.json", "result.json", "report.html"
_SHARED = (
    "Videos have several classes, and the model shares out one probability among all (softmax): "
    "macro-F1 and the calibration error, which take 50 % for as likely as not, mean little"
)


def check_folder(folder: Path, about: dict[str, Any]) -> None:
    """Checks that this evaluation may be in the folder.

    Errors: ValueError if the folder holds another evaluation, or what something else made.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: expected a folder, or the name of one to be made")
    path = folder / ABOUT
    if path.exists():
        noted = read_object(path, {"same"}, "what an evaluation is of")["same"]
        # Through JSON, as the other side went: tuples become lists, and names printable.
        own = json.loads(json_text(about["same"]))
        changed = [
            f"{key}: {noted.get(key)!r}, {own[key]!r}"[:300]
            for key in own
            if noted.get(key) != own[key]
        ]
        if changed:
            raise ValueError(
                f"{folder} holds another evaluation; what: there, here\n  "
                + "\n  ".join(changed)
                + "\nGive another --output."
            )
        return
    others = [name for name in (RESULT, PREDICTIONS, REPORT) if (folder / name).exists()]
    if others:
        raise ValueError(
            f"{folder} holds {' and '.join(others)} of something else than an evaluation: give "
            "another --output"
        )


def finished(folder: Path) -> bool:
    """Whether the evaluation in this folder is done: its result is written last."""
    return (folder / RESULT).exists()


def check_whole(folder: Path) -> None:
    """Checks that a finished evaluation has all its files. Errors: ValueError where one is gone."""
    lost = [name for name in (PREDICTIONS, REPORT) if not (folder / name).exists()]
    if lost:
        raise ValueError(
            f"{folder} has lost {' and '.join(lost)}: give another --output, or delete the folder "
            "to evaluate again"
        )


def claim(folder: Path, about: dict[str, Any]) -> None:
    """Makes the folder this evaluation's: a file says what is evaluated. Errors: OSError."""
    # A stop file has done its work when the evaluation stopped; left there, it would stop it again.
    (folder / STOP_FILE).unlink(missing_ok=True)
    remove_partial(folder)
    publish_text(folder / ABOUT, json_text(about, indent=1))
    # The folder's own name, too: without it a power cut would lose every part that is in it.
    sync_folder(folder.absolute().parent)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Writes `result.json`, which says by being there that all is done. Errors: OSError."""
    publish_text(folder / RESULT, json_text(result, indent=1))


def read_result(folder: Path) -> dict[str, Any]:
    """Reads `result.json`. Errors: ValueError where no finished evaluation is in the folder."""
    if not finished(folder):
        raise ValueError(
            f"{folder} holds no finished evaluation (no {RESULT}): run\n"
            f"  python -m ila_jax.evaluate --config … --checkpoint … --output {folder}"
        )
    keys = {"same", "videos", "unreadable"}
    return read_object(folder / RESULT, keys, "the result of an evaluation")


def summary(subject: Subject, videos: ScoredVideos) -> dict[str, Any]:
    """The numbers of `result.json`. Errors: ValueError when no video could be read."""
    if not videos.readable.any():
        raise ValueError(f"none of the {len(videos.label)} videos could be read")
    readable = videos.readable
    # Each accuracy is given of the listed videos and of the readable ones: a set whose files are in
    # part missing must not look better than it is.
    bad = np.flatnonzero(~readable).tolist()
    return {
        "videos": {
            "listed": len(videos.label),
            "decoded": int(readable.sum()),
            "short": int(videos.short.sum()),
        },
        **{
            name: {over: value._asdict() for over, value in values.items()}
            for name, values in accuracy.metric_values(videos).items()
        },
        **_of_classes(videos, subject.class_names),
        "calibration": asdict(calibration(videos.probabilities[readable], videos.label[readable])),
        "cautions": _cautions(subject, videos),
        "training_cautions": subject.cautions_of_training(),
        "unreadable": [
            {
                "video": printable(subject.ids[i]),
                "reason": Reason(videos.reason[i]).name,
                "said": Reason(videos.reason[i]).sentence,
            }
            for i in bad
        ],
    }


def _of_classes(videos: ScoredVideos, names: tuple[str, ...]) -> dict[str, Any]:
    """The numbers of each class; which are taken for which, where a video has one of them."""
    if videos.several_labels:
        per_class = [asdict(item) for item in class_precisions(videos, names)]
        return {"several_labels": True, "per_class": per_class}
    return {
        "several_labels": False,
        "per_class": [asdict(item) for item in accuracy.per_class(videos, names)],
        "confused": [asdict(item) for item in accuracy.most_confused(videos, names)],
    }


def _cautions(subject: Subject, videos: ScoredVideos) -> list[str]:
    """What the numbers do not tell by themselves, in sentences."""
    names, label = subject.class_names, videos.label[videos.readable]
    clips = dict(zip(names, class_counts(label, len(names)).tolist(), strict=True))
    hits = int(videos.right.sum())
    both = small_validation(hits, len(label)), small_classes(clips, of="validation")
    sentences = [sentence for sentence in both if sentence is not None]
    if videos.several_labels and subject.config.model.probabilities == "softmax":
        sentences.append(_SHARED)
    return sentences
