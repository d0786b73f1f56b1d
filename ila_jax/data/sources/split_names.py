"""What people call the parts of a data set, and what they are called here."""

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
# Of clips that no part has, such as files that cannot be read.
LEFT_OUT = "left out"
_SPELLINGS = {
    TRAIN: {"train", "training"},
    VALIDATION: {"val", "valid", "validate", "validation", "dev"},
    TEST: {"test", "testing"},
    LEFT_OUT: {"left out", "left_out", "out", "none", "unused"},
}


def split_named(word: str) -> str | None:
    """The split that a word of a list or a folder's name means; None for any other word."""
    word = word.strip().lower()
    return next((split for split, words in _SPELLINGS.items() if word in words), None)
