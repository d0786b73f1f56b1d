"""Which frames of a video make a clip: here they are chosen, by whole numbers alone.

F is `count`, the number of frames of a video, and T is `frames`, that of a clip. Every function
returns the numbers of T frames, int64 [T], ascending, each in 0 … F-1. Where F < T frames repeat.
Training draws `segments` and `dense` at random; `interval` and the clips by number are the same
each time. ValueError is raised for numbers below 1.
"""

import numpy as np


def segments(count: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """One random frame of each of T equal segments (sparse sampling of TSN and Kinetics)."""
    _check(count, frames)
    edges = np.arange(frames + 1) * count // frames
    # Where F < T some segments are empty, and the next frame stands for them.
    low, high = edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
    return rng.integers(low, high)


def interval(count: int, frames: int) -> np.ndarray:
    """The middles of T equal intervals: frame ⌊(i+½)·F/T⌋."""
    return interleaved_clip(count, frames, clip=0, clips=1)


def interleaved_clip(count: int, frames: int, *, clip: int, clips: int) -> np.ndarray:
    """Clip k of n that lie evenly interleaved over the video: frame ⌊(i + (k+½)/n)·F/T⌋.

    Each clip covers the whole video, and no two share a frame where F ≥ n·T. clip: k, from 0 on.
    """
    _check(count, frames)
    if not 0 <= clip < clips:
        raise ValueError(f"clip {clip} of {clips}: expected 0 to {clips - 1}")
    # Numerator and denominator times 2n: integers give the same frame on every machine.
    return (2 * clips * np.arange(frames) + 2 * clip + 1) * count // (2 * clips * frames)


def dense(count: int, frames: int, *, stride: int, rng: np.random.Generator) -> np.ndarray:
    """T frames `stride` apart, from a random start on; `segments` of a video too short for that."""
    starts = _starts(count, frames, stride)
    # A short video is sampled over its whole length: cutting the clip off at the video's end would
    # repeat the last frame, and show nothing more of the video.
    if starts < 1:
        return segments(count, frames, rng)
    return rng.integers(starts) + stride * np.arange(frames)


def dense_clip(count: int, frames: int, *, stride: int, clip: int, clips: int) -> np.ndarray:
    """Clip k of n of T frames `stride` apart, their starts evenly spread: ⌊(k+½)/n · starts⌋.

    One clip lies in the middle of the video. In a video too short for one: as `interleaved_clip`.
    """
    starts = _starts(count, frames, stride)
    if starts < 1:
        return interleaved_clip(count, frames, clip=clip, clips=clips)
    # The starts are spread as the frames of clips of one frame would be over a video of `starts`.
    return interleaved_clip(starts, 1, clip=clip, clips=clips) + stride * np.arange(frames)


def _starts(count: int, frames: int, stride: int) -> int:
    """How many frames a dense clip can start at; 0 or fewer where it is longer than the video."""
    _check(count, frames)
    if stride < 1:
        raise ValueError(f"a stride of {stride} frames: expected 1 or more")
    return count - (frames - 1) * stride


def _check(count: int, frames: int) -> None:
    if count < 1 or frames < 1:
        raise ValueError(f"{frames} frames of a video of {count}: expected both to be positive")
