"""A run's folder is read without a word of the library that reads it."""

import absl.logging

from ila_jax.weights.run import best_step


def test_what_is_only_read_is_not_warned_of(tmp_path, caplog):
    before = absl.logging.get_verbosity()  # another test's command may have silenced it
    try:
        absl.logging.set_verbosity(absl.logging.WARNING)
        assert best_step(tmp_path) is None
        assert [record.getMessage() for record in caplog.records] == []
        assert absl.logging.get_verbosity() == absl.logging.WARNING
    finally:
        absl.logging.set_verbosity(before)
