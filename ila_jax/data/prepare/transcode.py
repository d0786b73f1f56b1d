"""A video made small and quick to read: H.264 with a short side of 256 and frequent key frames."""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.video.bad import BadVideo, Reason
from ila_jax.data.video.decode import all_frames, index_video
from ila_jax.data.video.orientation import AS_STORED, Orientation, orientation
from ila_jax.data.video.rgb import FULL, UNSPECIFIED, to_rgb

CLOCK = 90_000  # ticks a second, of MPEG: times are kept to 6 µs
# Of the scaler: bicubic, as FFmpeg's command takes, and the same on every processor.
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT

_RGB = 0  # FFmpeg's number for "not YUV at all", which PyAV gives no name
# What the scaler calls matrices that are BT.601's, by name or for want of one.
_OTHER_NAMES = {UNSPECIFIED: 5, 6: 5}


@dataclass(frozen=True)
class Encoded:
    """An mp4 file with one video stream: its bytes, and its sizes after rotation in pixels."""

    data: bytes
    frames: int
    height: int
    width: int
    seconds: float  # from the first frame to the last


def transcode(data: bytes, encoding: Encoding) -> Encoded:
    """Encodes a video file anew, with the same frames at the same times, turned upright.

    Pixels that are not square stay so, and the new file says it.

    Times begin at 0. There is no sound. Sides are even (H.264 with 4:2:0 asks for it), the aspect
    within a pixel of the source's. The same bytes and FFmpeg give the same bytes: one thread, and
    no macroblock tree, with which x264 gives others from time to time. Errors: BadVideo.
    """
    index = index_video(data)
    ticks = _ticks(index.times)
    frames = zip(all_frames(index), ticks.tolist(), strict=True)
    try:
        # Size, rotation and colours of the new file are those of the first frame.
        first, tick = next(frames)
        to_rgb(first, VideoReformatter())  # what nobody could read of the new file is not written
        encoder = _Encoder(first, index.pixel_aspect, encoding, ticks)
        encoder.add(first, tick)
        for frame, tick in frames:
            encoder.add(frame, tick)
        return encoder.close()
    except av.error.FFmpegError as error:  # such as a pixel format that cannot be converted
        raise BadVideo(Reason.DAMAGED, f"FFmpeg, encoding: {error.strerror}.") from error


def target_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """(height, width), even, with the short side at most `short_side`.

    Videos are not enlarged, but for one row or column to make a side even: that would cost bytes
    and add nothing, since the loader resizes anyway.
    """
    short = min(height, width)
    scale = Fraction(min(short_side, short), short)
    return _even(height * scale), _even(width * scale)


def _even(side: Fraction) -> int:
    """The even number next to a side in pixels, 2 at least: colours are stored for 2 x 2 pixels."""
    return max(2, 2 * round(side / 2))


def _ticks(times: np.ndarray) -> np.ndarray:
    """Seconds to ticks from 0 on, int64 [n], strictly ascending as an encoder asks for."""
    ticks = np.round((times - times[0]) * CLOCK).astype(np.int64)
    # Tick k is at least one more than tick k-1: the running maximum of tick - k, plus k.
    steps = np.arange(len(ticks))
    return np.maximum.accumulate(ticks - steps) + steps


class _Encoder:
    """Writes one mp4 file into memory."""

    def __init__(
        self, first: av.VideoFrame, pixel_aspect: Fraction, encoding: Encoding, ticks: np.ndarray
    ) -> None:
        # All frames are to be as the first: an encoder has one size, and a file one rotation.
        self._source = (first.height, first.width)
        self._size = target_size(first.height, first.width, encoding.short_side)
        way = orientation(first)
        self._transposed = way.transposed
        self._colours = _colours(first)
        self._scaler = VideoReformatter()
        self._ticks, self._buffer = ticks, io.BytesIO()
        self._container = av.open(self._buffer, "w", format="mp4")
        options = {
            "crf": str(encoding.crf),
            "preset": encoding.preset,
            "g": str(encoding.key_frames),
            "keyint_min": str(encoding.key_frames),
            "sc_threshold": "0",  # key frames on the beat only
            "mbtree": "0",
            # Closed groups, so that decoding can start at each of them, and the same bytes on every
            # processor.
            "x264-params": "open-gop=0:cpu-independent=1",
        }
        # x264 spends fewer bits on a frame that is shown for less time; frames that are sampled are
        # worth the same at any rate, and so it is told one. The true times are those of packets.
        self._stream = self._container.add_stream("libx264", rate=25, options=options)
        height, width = self._size[::-1] if self._transposed else self._size
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = "yuv420p"
        codec = self._stream.codec_context
        codec.thread_count = 1  # more give other bytes, and all cores are busy with other videos
        codec.time_base = Fraction(1, CLOCK)
        if pixel_aspect != 1:
            codec.sample_aspect_ratio = way.upright_aspect(pixel_aspect)
        _copy_colours(first, codec)

    def add(self, frame: av.VideoFrame, tick: int) -> None:
        """Encodes a frame, to be shown at a tick. Errors: BadVideo where its size has changed."""
        way = orientation(frame)
        if (frame.height, frame.width, way.transposed) != (*self._source, self._transposed):
            raise BadVideo(Reason.SIZE_CHANGES)
        small = _upright(self._scaled(frame), way)
        small.pts, small.time_base = tick, Fraction(1, CLOCK)
        small.pict_type = 0  # the encoder chooses: all frames of an MJPEG file say "intra"
        self._container.mux(self._stream.encode(small))

    def _scaled(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame, small and as yuv420p, its colours coded as those of the first frame.

        RGB becomes YUV by the matrix that readers take where none is named.
        """
        matrix, extent = None, None
        if _colours(frame) != self._colours:  # of a video that was joined from several
            matrix, extent = self._colours
            matrix = _OTHER_NAMES.get(matrix, matrix)
        elif frame.colorspace != _RGB:
            frame.colorspace = UNSPECIFIED  # the scaler refuses some, and is to apply none
        height, width = self._size
        return self._scaler.reformat(
            frame, width=width, height=height, format="yuv420p", interpolation=_SCALING, threads=1,
            dst_colorspace=matrix, dst_color_range=extent,
        )  # fmt: skip

    def close(self) -> Encoded:
        """Writes the frames that the encoder still holds; the whole file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return Encoded(
            data=self._buffer.getvalue(),
            frames=len(self._ticks),
            height=self._stream.height,
            width=self._stream.width,
            seconds=float(self._ticks[-1]) / CLOCK,
        )


def _colours(frame: av.VideoFrame) -> tuple[int, int]:
    """How the colours of a frame are coded: FFmpeg's numbers of their matrix and range."""
    return frame.colorspace, frame.color_range


def _copy_colours(frame: av.VideoFrame, codec: av.VideoCodecContext) -> None:
    """Says how colours are coded, as the source does: a reader makes RGB by it."""
    if frame.colorspace != _RGB:
        codec.colorspace = frame.colorspace
    codec.color_range = frame.color_range
    codec.color_primaries = frame.color_primaries
    codec.color_trc = frame.color_trc


def _upright(frame: av.VideoFrame, way: Orientation) -> av.VideoFrame:
    """A yuv420p frame as it is to be shown."""
    if way == AS_STORED:
        return frame
    height, width = frame.height, frame.width
    # Brightness, and two planes of colours, which have half of its rows and of its columns.
    planes = np.split(frame.to_ndarray().reshape(-1), [height * width, height * width * 5 // 4])
    shapes = [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
    # For the corners that a turn by less than a quarter leaves open; black depends on the range.
    black = (0 if frame.color_range == FULL else 16, 128, 128)
    turned = [
        way.upright(plane.reshape(shape), border)
        for plane, shape, border in zip(planes, shapes, black, strict=True)
    ]
    rows = np.concatenate([plane.reshape(-1) for plane in turned]).reshape(-1, turned[0].shape[1])
    return av.VideoFrame.from_ndarray(rows, format="yuv420p")
