"""A long video as windows of some seconds, read as a stream.

Memory holds the chosen frames of a window, and the time of each frame of the video: it does not
grow with the length but for those eight bytes a frame, or 24 while the times are read.

The file is read twice. Which frames of a window are chosen depends on how many it has, and so on
the times of all frames, which the first pass finds. The second one decodes.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, TypeVar

import av
import numpy as np
from tqdm import tqdm

from ila_jax.data.video.bad import BadVideo, Reason, errors_as_bad_video
from ila_jax.data.video.container import VideoPacket, open_file, pixel_aspect, video_stream
from ila_jax.data.video.files import open_readable
from ila_jax.data.video.images import FrameTransform, Images
from ila_jax.data.video.limits import Progress, Unfinished, within
from ila_jax.data.video.sequential import frames_of, packets_of, times_of
from ila_jax.data.video.survey import Survey

# Seconds for the next packet or frame. A limit for the whole video would fit no length of it.
STEP_LIMIT = 60.0
_END = np.empty(0)  # in place of the pictures of a window, after the last
_T = TypeVar("_T")
_Cut = TypeVar("_Cut", covariant=True)


class AnyViews(Protocol[_Cut]):
    """What windows need of `Views`, or of the `SharedViews` of several models."""

    def frames(self, count: int, video: int) -> np.ndarray:
        """The frames to be decoded, of a video of `count` frames; some may stand there twice."""

    def shrink(self, frame: np.ndarray, pixel_aspect: Fraction) -> np.ndarray:
        """One frame, uint8 [h, w, 3], made smaller."""

    def cut(self, clips: np.ndarray, pictures: np.ndarray) -> _Cut:
        """The views, cut from the shrunk frames. clips: as `frames` gives them."""


@dataclass(frozen=True)
class VideoWindow:
    """A stretch of a video.

    start, end: in seconds from the video's first frame. first, count: the number of its first frame
    in the video, and how many frames it has.
    """

    start: float
    end: float
    first: int
    count: int


class Windows:
    """Windows over a video file, each `seconds` long and begun `stride` seconds after the last.

    They reach to the video's end, where the last may be shorter. One without a frame is left out.
    Errors: BadVideo, also where `step_limit` seconds pass without another packet or frame;
    ValueError for lengths that make no windows.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        seconds: float,
        stride: float | None = None,
        step_limit: float = STEP_LIMIT,
    ) -> None:
        """stride: None for `seconds`, windows that neither overlap nor leave anything out."""
        check_lengths(seconds, stride)
        self._path, self._step_limit = path, step_limit
        self._times = frame_times(path, step_limit)
        stride = seconds if stride is None else stride
        self._windows = video_windows(self._times, seconds, stride)

    def __len__(self) -> int:
        return len(self._windows)

    def __iter__(self) -> Iterator[VideoWindow]:
        return iter(self._windows)

    def with_views(self, views: AnyViews[_Cut]) -> Iterator[tuple[VideoWindow, _Cut]]:
        """Each window with its views, made as those of a video of its own.

        They are uint8 [v, t, h, w, 3] of `Views`, and a list of such of `SharedViews`.

        Errors: BadVideo, also at the end, for a file that breaks off.
        """
        progress = Progress()
        clips = [views.frames(window.count, k) for k, window in enumerate(self._windows)]
        chosen = [w.first + np.unique(clip) for w, clip in zip(self._windows, clips, strict=True)]
        pictures = self._pictures(chosen, views.shrink, progress)
        for window, clip in zip(self._windows, clips, strict=True):
            yield window, views.cut(clip, self._next(pictures, progress))
        # The last chosen frame is not the last of the file. Whether the file breaks off behind it
        # is known only when the rest has been decoded as well.
        self._next(pictures, progress)

    def _next(self, pictures: Iterator[np.ndarray], progress: Progress) -> np.ndarray:
        """The pictures of the next window, or an empty array after the last."""
        # The caller has worked since the last frame, for instance with its model. That time is not
        # the file's.
        progress()
        return _unless_stuck(lambda: next(pictures, _END), self._step_limit, progress)

    def _pictures(
        self, chosen: list[np.ndarray], transform: FrameTransform, progress: Progress
    ) -> Iterator[np.ndarray]:
        """For each window the frames chosen of it, ascending: uint8 [f, h, w, 3]."""
        kept = set(np.concatenate(chosen).tolist())
        waiting = deque(zip(self._windows, chosen, strict=True))
        count = 0
        with open_file(self._path) as container:
            stream = video_stream(container)
            images = Images(transform, pixel_aspect(stream))
            # Against the one thread of `video_stream`: nobody else decodes beside this reader.
            stream.thread_type, stream.codec_context.thread_count = "AUTO", 0
            packets = _packets(container, stream, progress)
            # Everything is decoded in sequence. Windows lie close together, so that little could be
            # left out, and packets kept for decoding single frames would fill the memory.
            for k, frame in enumerate(frames_of(container, stream, packets)):
                progress()
                count += 1
                if k in kept:
                    images.add(k, frame)
                while waiting and waiting[0][1][-1] <= k:
                    _, frames = waiting.popleft()
                    yield np.stack([images[i] for i in frames.tolist()])
                    # Windows may overlap: a frame is held until no later window can need it.
                    first_needed = waiting[0][0].first if waiting else count
                    for i in [i for i in images if i < first_needed]:
                        del images[i]
        if count != len(self._times):
            raise BadVideo(Reason.DAMAGED, f"{len(self._times)} frames promised, {count} decode.")


def check_lengths(seconds: float, stride: float | None) -> None:
    """Checks the length and the stride of windows, in seconds. Errors: ValueError."""
    for name, length in (("a window", seconds), ("the stride of windows", stride)):
        if length is not None and not 0 < length < math.inf:
            raise ValueError(f"{name} is {length:g} seconds: expected more than 0")


def video_windows(times: np.ndarray, seconds: float, stride: float) -> list[VideoWindow]:
    """The windows over frames at these times, float64 [count] in seconds, ascending.

    Errors: ValueError where there would be more windows than frames.
    """
    # To the microsecond: fractions of a clock put a frame at 0.9999999999 s that is at 1 s, and it
    # would fall into the window before.
    times = np.round(times - times[0], 6)
    # The last frame lasts as long as the others do on average.
    end = times[-1] * len(times) / (len(times) - 1) if len(times) > 1 else 0.0
    final = float(times[-1])
    # As many as it takes for one to hold the last frame; of a tiny stride infinitely many.
    more = (final - seconds) / stride if final >= seconds else -1.0
    if more >= len(times):
        raise ValueError(
            f"a stride of {stride:g} seconds makes more windows than the {len(times)} frames that "
            "the video has: choose a longer one"
        )
    starts = stride * np.arange(2 + math.floor(more))
    edges = np.searchsorted(times, np.round([starts, starts + seconds], 6)).T.tolist()
    return [
        VideoWindow(start, min(start + seconds, end), first, last - first)
        for start, (first, last) in zip(starts.tolist(), edges, strict=True)
        if last > first
    ]


def frame_times(path: str | os.PathLike[str], step_limit: float = STEP_LIMIT) -> np.ndarray:
    """Presentation times of all frames, float64 [count], in seconds, ascending.

    They are read off the packets where those tell them for certain, and otherwise everything is
    decoded, which takes much longer. step_limit: as of `Windows`. Errors: BadVideo.
    """
    progress = Progress()
    return _unless_stuck(lambda: _frame_times(path, progress), step_limit, progress)


@errors_as_bad_video()
def _unless_stuck(work: Callable[[], _T], step_limit: float, progress: Progress) -> _T:
    try:
        return within(step_limit, work, progress)
    except Unfinished:
        raise BadVideo(Reason.TOO_SLOW, f"No frame came for {step_limit:g} s.") from None


def _frame_times(path: str | os.PathLike[str], progress: Progress) -> np.ndarray:
    with open_file(path) as container:
        stream = video_stream(container)
        survey = Survey(container, stream)
        if survey.can_index:
            for packet in _with_bar(_packets(container, stream, progress), "reading times"):
                survey.add(packet)
            # Opened once more: FFmpeg has its own place in the file that is being demuxed.
            with open_readable(path) as file:
                survey.check_whole(file)
        places = survey.frame_places()
    if places is not None:
        return places.times
    # Opened anew: the decoder has to be a new one, and the first packet the first again.
    with open_file(path) as container:
        stream = video_stream(container)
        packets = _with_bar(_packets(container, stream, progress), "counting frames")
        times = times_of(stream, frames_of(container, stream, packets))
    survey.check_count(len(times))
    return times


def _packets(
    container: av.container.InputContainer, stream: av.VideoStream, progress: Progress
) -> Iterator[VideoPacket]:
    for packet in packets_of(container, stream):
        progress()
        yield packet


def _with_bar(packets: Iterator[VideoPacket], what: str) -> Iterator[VideoPacket]:
    """The packets, and a count of them on stderr where it takes longer."""
    return iter(tqdm(packets, what, unit=" frames", delay=2, disable=None, leave=False))
