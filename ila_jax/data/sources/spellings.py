"""Labels that differ in nothing but case and blanks: one class, or several?"""

from collections import defaultdict
from collections.abc import Mapping

from ila_jax.data.class_names.classes import spaced
from ila_jax.files.counts import count_of
from ila_jax.files.text_files import listed


def one_spelling(counts: Mapping[str, int], *, merge: bool) -> tuple[dict[str, str], list[str]]:
    """The one spelling that each label gets, and sentences about what was merged.

    counts: how many clips have each label, as it is written. merge: labels that differ only in
    case, blanks and underscores become the one of them that most clips have; without it they are an
    error, since whether `Run` and `run ` are one class only their author knows.
    Errors: ValueError that lists the labels in question.
    """
    spellings = defaultdict[str, list[str]](list)
    for label in sorted(counts):
        spellings["".join(spaced(label).casefold().split())].append(label)
    several = [labels for labels in spellings.values() if len(labels) > 1]
    if several and not merge:
        raise ValueError(
            listed(
                "labels differ only in case, blanks or underscores; correct them, or merge each "
                "line into one class (--merge-labels, merge_labels=True)",
                [_counted(labels, counts) for labels in several],
            )
        )
    frequent = {
        label: max(labels, key=counts.__getitem__)
        for labels in spellings.values()
        for label in labels
    }
    notes = [
        f"merged into {frequent[labels[0]]!r}: {_counted(labels, counts)}" for labels in several
    ]
    return frequent, notes


def _counted(labels: list[str], counts: Mapping[str, int]) -> str:
    clips = (count_of(counts[label], "clip", "clips") for label in labels)
    return ", ".join(f"{label!r} ({n})" for label, n in zip(labels, clips, strict=True))
