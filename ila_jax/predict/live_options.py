"""What the arguments of the command say of a camera or a stream."""

import argparse

from ila_jax.data.clips.live_windows import check_live_lengths
from ila_jax.data.video.live_source import LiveSource, address, camera, is_address

# Seconds: short enough to be soon, and long enough for most actions to show.
_WINDOW = 2.0


def live_source(options: argparse.Namespace) -> LiveSource | None:
    """The camera or stream that is to be watched; None where videos are. Errors: ValueError."""
    addresses = [video for video in options.videos if is_address(video)]
    if options.camera is None and not addresses:
        return None
    if len(options.videos) + (options.camera is not None) > 1:
        raise ValueError("a camera or a stream is watched alone: name one, and no video beside it")
    if options.csv is not None:
        raise ValueError("--csv is for videos: --json adds a line for each answer of a stream")
    check_live_lengths(*live_lengths(options))
    return camera(options.camera) if not addresses else address(addresses[0])


def live_lengths(options: argparse.Namespace) -> tuple[float, float]:
    """The length of a window, and how often one begins, in seconds."""
    seconds = _WINDOW if options.window is None else options.window
    # Half a window, so that what happens at the end of one is in the middle of the next.
    return seconds, seconds / 2 if options.stride is None else options.stride
