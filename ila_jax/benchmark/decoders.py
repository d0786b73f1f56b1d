"""What reading a clip costs with this package's decoder, with plain PyAV, decord and torchcodec.

On videos drawn and encoded here, so that the figures of two machines are of the same files.
"""

import importlib
import importlib.metadata
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import av
import cv2
import numpy as np

from ila_jax.data.clips.sampling import interval
from ila_jax.data.prepare.encoding import Encoding
from ila_jax.data.prepare.transcode import transcode
from ila_jax.data.video.decode import decode, index_video

FRAMES = 8
_SECONDS, _RATE = 10, 30
# What x264 does when it is told nothing, which is what videos on the web are made with.
_LONG = {"g": "250", "preset": "medium", "crf": "23"}
# As data sets are prepared: small, with a key frame close to every frame that may be wanted.
_PREPARED = Encoding(short_side=256, key_frames=12, crf=23, preset="medium")

ReadFrames = Callable[[bytes], np.ndarray]


@dataclass(frozen=True)
class Comparison:
    """Seconds of a clip of FRAMES frames from each file, by reader: the best of all rounds."""

    # Bytes by file; seconds by file and reader.
    files: dict[str, int]
    seconds: dict[str, dict[str, float]]

    def ratios(self) -> dict[str, dict[str, float]]:
        """Each reader's time as a part of the sequential one's: file -> reader -> ratio."""
        return {
            file: {
                reader: duration / durations["sequential"] for reader, duration in durations.items()
            }
            for file, durations in self.seconds.items()
        }


def videos() -> Iterator[tuple[str, bytes]]:
    """Yields (name, mp4 file) of 10 s at 30 frames a second; each takes seconds to encode."""
    small = _encoded(256, 340)
    yield "340x256, key frame every 250", small
    yield "340x256, key frame every 12 (prepared)", transcode(small, _PREPARED).data
    yield "1280x720, key frame every 250", _encoded(720, 1280)


FILES = 3  # that `videos` yields, for a bar that is shown before they are made


def readers() -> dict[str, ReadFrames]:
    """The readers that can be used here, by name.

    Each makes of the bytes of a video the same FRAMES frames, uint8 [t, h, w, 3].
    """
    missing = left_out()
    others = {name: read for name, read in _OTHERS.items() if name not in missing}
    return {"sequential": _sequential, "ila_jax": _indexed} | others


def left_out() -> dict[str, str]:
    """Which of the others cannot be used here, and why, as the end of a sentence."""
    return {name: reason for name in _OTHERS if (reason := _failure(name)) is not None}


def versions() -> dict[str, str]:
    """The version of each package that reads here, by the name under which it is installed."""
    # decord2 is imported as decord: the name of the package says which of the two it is.
    packages = importlib.metadata.packages_distributions()
    modules = ["av", *(name for name in _OTHERS if name not in left_out())]
    names = {name for module in modules for name in packages.get(module, ())}
    return {name: importlib.metadata.version(name) for name in sorted(names)}


def _failure(name: str) -> str | None:
    """Why a package cannot be used; None if it can."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return "is not installed"
        return f"is installed and does not load: {error}"
    # Libraries that it was built for are not here: torchcodec needs FFmpeg's, and PyTorch's CUDA
    # in the form in which it lies on PyPI.
    except (ImportError, OSError, RuntimeError) as error:
        return f"is installed and does not load: {_last_cause(error)}"
    return None


def _last_cause(error: BaseException) -> str:
    """The first line of the error that all others followed from."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).partition("\n")[0]


def compare(
    files: Sequence[tuple[str, bytes]], *, rounds: int, step: Callable[[], object]
) -> Comparison:
    """Reads every file with every reader, all on one thread.

    files: (name, bytes) of each. step: called after each round of a file.
    Errors: RuntimeError where ila_jax and sequential decoding differ.
    """
    seconds: dict[str, dict[str, float]] = {}
    by_name = readers()
    for name, data in files:
        if not np.array_equal(_indexed(data), _sequential(data)):
            raise RuntimeError(f"{name}: the frames differ from those of sequential decoding")
        best = dict.fromkeys(by_name, float("inf"))
        # Readers take turns, so that a machine that slows down does so for all of them.
        for _ in range(rounds):
            for reader, read in by_name.items():
                # The processor's time: other work of the machine adds little to it.
                begin = time.process_time()
                read(data)
                best[reader] = min(best[reader], time.process_time() - begin)
            step()
        seconds[name] = best
    return Comparison({name: len(data) for name, data in files}, seconds)


def _indexed(data: bytes) -> np.ndarray:
    """This package's decoder, as the loader calls it: index, then only what frames depend on."""
    index = index_video(data)
    return decode(index, interval(index.count, FRAMES))


def _sequential(data: bytes) -> np.ndarray:
    """PyAV as its documentation shows it, up to the last frame that is wanted."""
    images = []
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        # The loader decodes each file on one thread, and many files at once: so do the others here.
        stream.codec_context.thread_count = 1
        numbers = set(interval(stream.frames, FRAMES).tolist())
        for k, frame in enumerate(container.decode(stream)):
            if k in numbers:
                images.append(frame.to_ndarray(format="rgb24"))
            if len(images) == len(numbers):
                break
    return np.stack(images)


def _decord(data: bytes) -> np.ndarray:
    """decord 0.6.0, or its successor decord2, on one thread, as its documentation shows it."""
    decord = importlib.import_module("decord")
    reader = decord.VideoReader(io.BytesIO(data), ctx=decord.cpu(0), num_threads=1)
    frames: np.ndarray = reader.get_batch(interval(len(reader), FRAMES)).asnumpy()
    return frames


def _torchcodec(data: bytes) -> np.ndarray:
    """torchcodec, one thread, as its documentation shows it."""
    decoders = importlib.import_module("torchcodec.decoders")
    # NHWC: as the others give frames, and as they are decoded.
    reader = decoders.VideoDecoder(data, dimension_order="NHWC", num_ffmpeg_threads=1)
    numbers = interval(reader.metadata.num_frames, FRAMES).tolist()
    frames: np.ndarray = reader.get_frames_at(indices=numbers).data.numpy()
    return frames


# What is compared with where it is installed, by the name under which it is imported.
_OTHERS: dict[str, ReadFrames] = {"decord": _decord, "torchcodec": _torchcodec}


def _encoded(height: int, width: int) -> bytes:
    """An mp4 file of the drawn scene."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=_RATE, options=_LONG)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for image in _scene(height, width, _SECONDS * _RATE):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _scene(height: int, width: int, count: int) -> Iterator[np.ndarray]:
    """A camera that pans over a textured wall, a ball that crosses it, and a sensor's noise."""
    # A fixed seed: two machines decode the same files.
    rng = np.random.default_rng(0)
    size = (2 * width, 2 * height)
    wall = np.zeros((size[1], size[0], 3), np.float32)
    # Coarse and fine patterns, as in photographs: a plain wall would cost an encoder nothing.
    for grain, strength in ((8, 60), (32, 40), (128, 25)):
        rough = rng.normal(0, strength, (grain, 2 * grain, 3)).astype(np.float32)
        wall += cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC)
    wall = (wall + 128).clip(0, 255)
    noise = rng.normal(0, 2, (height + 64, width + 64, 1)).astype(np.float32)
    for i in range(count):
        turn = 2 * np.pi * i / count
        x = round(width * (0.5 + 0.5 * np.sin(turn)))
        y = round(height * (0.5 - 0.5 * np.cos(turn)))
        image = wall[y : y + height, x : x + width].copy()
        ball = (round(width * (3 * i / count % 1)), height // 2)
        cv2.circle(image, ball, height // 8, (230, 60, 40), -1)
        left, top = rng.integers(0, 64, 2)
        # One pattern at another place in each frame: fresh noise for 300 frames takes seconds.
        image += noise[top : top + height, left : left + width]
        yield image.clip(0, 255).astype(np.uint8)
