"""Tiny real video files for the tests, each frame different from all others."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

H264 = {"sc_threshold": "0", "bf": "3", "b_strategy": "0", "preset": "veryfast"}
VP9 = {"g": "12", "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "10"}
# Every file that must decode: name -> arguments of `write_video`.
GOOD = {
    "one_key.mp4": {"options": H264 | {"g": "250"}},
    "key_12.mp4": {"options": H264 | {"g": "12"}, "muxer": {"movflags": "faststart"}},
    "no_b.mp4": {"options": H264 | {"g": "12", "bf": "0"}},
    "open_groups.mkv": {
        "options": {"x264-params": "keyint=12:min-keyint=12:open-gop=1:bframes=3:scenecut=0"},
        "muxer": {"fflags": "+bitexact"},  # no random numbers, whose lengths move all that follows
    },
    "intra_refresh.mkv": {
        "options": {"x264-params": "intra-refresh=1:keyint=10:bframes=0:scenecut=0"}
    },
    "varying.mp4": {"options": H264 | {"g": "12"}, "varying": True},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=12:log-level=none"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "12"}},
    "mpeg4_b.avi": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "mpeg4_b.mp4": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": VP9},
    "av1.mp4": {"codec": "libsvtav1", "options": {"g": "12", "preset": "11"}},
    "vp8.webm": {
        "codec": "libvpx",
        "options": {"g": "12", "deadline": "good", "cpu-used": "5", "lag-in-frames": "16"},
    },
    "stream.ts": {"options": H264 | {"g": "12"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}},
    "sound.mp4": {"options": H264 | {"g": "12"}, "sound": True},
    "one_frame.mp4": {"options": H264, "count": 1},
    "quicktime.mov": {"options": H264 | {"g": "12"}},
    "ten_bits.mp4": {"options": H264 | {"g": "12"}, "pixels": "yuv420p10le"},
    "full_colour.mkv": {"options": H264 | {"g": "12"}, "pixels": "yuv444p"},
    "odd_sides.mp4": {"options": H264 | {"g": "12"}, "pixels": "yuv444p", "size": (47, 65)},
    "odd_sides.webm": {"codec": "libvpx-vp9", "options": VP9, "size": (47, 65)},
    # As a browser records: neither a length, nor a size, nor a count of frames.
    "live.webm": {"codec": "libvpx-vp9", "options": VP9, "muxer": {"live": "1"}},
    "fragments.mp4": {"options": H264 | {"g": "12"}, "muxer": {"movflags": "frag_keyframe"}},
}


def picture(i: int, height: int, width: int) -> np.ndarray:
    """Frame i: a moving ramp and a random square: uint8 [height, width, 3]."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack([x * 4 + i * 5, y * 4 + i * 3, x * 2 + y * 2 + i * 9], axis=-1) % 256
    rng = np.random.default_rng(i)
    top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
    frame[top : top + 8, left : left + 8] = rng.integers(0, 256, (8, 8, 3))
    return frame.astype(np.uint8)


def write_video(
    path: Path,
    *,
    count: int = 40,
    codec: str = "libx264",
    size: tuple[int, int] = (48, 64),
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    varying: bool = False,
    rotation: float | None = None,
    flip: bool = False,
    sound: bool = False,
    offset: int = 0,
    start: float = 0.0,
    gap: float = 0.0,
) -> Path:
    """Encodes `count` pictures from picture `offset` on. size: (height, width). pixels: format.

    start: the time of the first, in seconds. gap: seconds more in the middle.
    """
    times = np.cumsum(np.random.default_rng(0).integers(10, 90, count))  # in 1/600 s
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1
        if varying:
            stream.codec_context.time_base = Fraction(1, 600)
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=flip)
        beep = container.add_stream("aac", rate=16000) if sound else None
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(picture(i + offset, *size), format="rgb24")
            if varying:
                frame.pts, frame.time_base = int(times[i]), Fraction(1, 600)
            elif start or gap:
                frame.pts = round(25 * start) + i + round(25 * gap) * (i >= count // 2)
                frame.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
            if beep is not None:
                container.mux(beep.encode(_silence(i)))
        container.mux(stream.encode(None))
    return path


def write_slow(path: Path, count: int = 1000) -> Path:
    """Frames of 8K that only repeat the first one: few bytes that take long to decode.

    VP8, of which every frame is decoded to be counted: 10 to 30 ms each.
    """
    still = av.VideoFrame(7680, 4320, "yuv420p")
    for plane in still.planes:
        plane.update(bytes([90]) * plane.buffer_size)
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=25, options=VP9)
        stream.width, stream.height, stream.pix_fmt = still.width, still.height, still.format.name
        packets = []
        for still.pts in range(2):
            packets += stream.encode(still)
        first, second = [*packets, *stream.encode(None)]
        for k in range(count):
            packet = av.Packet(bytes(second if k else first))
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = k
            container.mux(packet)
    return path


def write_sound(path: Path) -> Path:
    """A file with sound only."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        for i in range(8):
            container.mux(stream.encode(_silence(i)))
        container.mux(stream.encode(None))
    return path


def _silence(i: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 640), np.float32), format="fltp", layout="mono")
    frame.sample_rate = 16000
    frame.pts = 640 * i
    return frame


def sequential(path: Path) -> list[np.ndarray]:
    """All frames as plain PyAV gives them, unrotated."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
