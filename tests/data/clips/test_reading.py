"""What is told of a video that takes too long, also by the process that found it."""

import pickle

from ila_jax.data.clips.reading import TooSlow


def test_an_error_that_goes_from_one_process_to_another_says_the_same():
    error = TooSlow(3, "slow.mp4", 2.5)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.index, copy.name, copy.seconds) == (3, "slow.mp4", 2.5)
    assert str(copy) == str(error)
    assert str(copy).startswith("slow.mp4 was not read and decoded in 2.5 s (data.time_limit)")
