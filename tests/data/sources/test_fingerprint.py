"""Hashes that files on disk hold: the numbers are those of versions before."""

import numpy as np
import pytest

from ila_jax.data.sources.annotations import LabelledFile
from ila_jax.data.sources.fingerprint import (
    fingerprint,
    ordered_fingerprint,
    prepared_fingerprint,
)
from ila_jax.data.sources.source import ListSource, OpenedSplit

# A space, a letter of two characters as a Mac spells it, and a byte that is no UTF-8.
PATHS = ["b/two words.mp4", "a/e\u0301.mp4", "c/\udcff.mp4"]
SOURCE = ListSource(
    [LabelledFile(path, label) for path, label in zip(PATHS, [1, 0, 12], strict=True)]
)
NAMED = OpenedSplit(SOURCE, ("k",))
WITH_IDS = OpenedSplit(SOURCE, ("k",), ["x", "y\tz", "é"])


@pytest.mark.parametrize(
    ("function", "opened", "expected"),
    [
        (fingerprint, NAMED, "17401d8a5ad27e68"),
        (fingerprint, WITH_IDS, "0a4b43b2c8e4b872"),
        (
            ordered_fingerprint,
            NAMED,
            "39ce707f8aa91423b638bb996c2394b327e135447e4f8ad8d8bd9120f51079c1",
        ),
        (
            ordered_fingerprint,
            WITH_IDS,
            "0a4b43b2c8e4b87216d9dc36ccd6c469040c64b2d0214bfd653336ccb31a2af4",
        ),
        (
            prepared_fingerprint,
            NAMED,
            "64b8a5506362c29ec16d1608f737a29c4b93c1eddd00883e6cd0750774f959f8",
        ),
        (
            prepared_fingerprint,
            WITH_IDS,
            "4b48996a4675dbbe6174b3b95492ac49d2bb9b207afec861d8f9a13134c309b6",
        ),
    ],
)
def test_numbers_are_those_of_versions_before(function, opened, expected):
    assert function(opened.all_ids(), opened.source.labels) == expected


def test_order_counts_where_a_video_is_known_by_its_place():
    ids, labels = ["a", "b"], np.array([0, 1], np.int32)
    assert fingerprint(ids[::-1], labels[::-1]) == fingerprint(ids, labels)
    for ordered in (ordered_fingerprint, prepared_fingerprint):
        assert ordered(ids[::-1], labels[::-1]) != ordered(ids, labels)


def test_ids_are_names_where_there_are_no_others():
    assert list(NAMED.all_ids()) == PATHS == [NAMED.id(index) for index in range(3)]
    assert list(WITH_IDS.all_ids()) == ["x", "y\tz", "é"]
    assert WITH_IDS.id(1) == "y\tz"
