"""Files of named arrays come back as they were written, or are not there."""

import numpy as np
import pytest

from ila_jax.files.arrays import publish_arrays, read_arrays


def test_arrays_come_back_by_their_names(tmp_path):
    arrays = {"a/1": np.arange(6.0).reshape(2, 3), "b": np.array(["x", "yz"])}
    publish_arrays(tmp_path / "arrays.npz", arrays)
    back = read_arrays(tmp_path / "arrays.npz")
    assert sorted(back) == sorted(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array, strict=True)


def test_what_cannot_be_written_leaves_no_file(tmp_path):
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        publish_arrays(tmp_path / "arrays.npz", {"a": np.zeros(3), "b": Broken()})
    assert list(tmp_path.iterdir()) == []
