"""Joins videos of one size into one, each after the end of the one before.

    python tools/join_videos.py joined.mp4 a.mp4 b.mp4 c.mp4

With --each SECONDS, each is played so fast that it takes that long. The pages of docs/ make their
long video of the quickstart's clips with it. Sound is left out.
"""

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av

from ila_jax import cli

# Every usual rate of frames divides it: times are exact.
_CLOCK = Fraction(1, 90_000)


def join(output: Path, videos: Sequence[Path], seconds: Fraction | None = None) -> None:
    """Writes the frames of all videos as H.264.

    seconds: how long each takes; None for as long as it does. Errors: ValueError where their sizes
    differ or are odd, where one has no pictures or is the output; OSError.
    """
    # Opening the result to write would empty the video.
    if output.exists() and any(video.samefile(output) for video in videos):
        raise ValueError(f"{output} is one of the videos to join: give another name for the result")
    width, height = _common_size(videos)
    with av.open(str(output), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = _CLOCK
        for time, frame in _frames(videos, seconds):
            frame.pts, frame.time_base = round(time / _CLOCK), _CLOCK
            # Otherwise the type of each picture of the old file is kept in the new one.
            frame.pict_type = av.video.frame.PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _common_size(videos: Sequence[Path]) -> tuple[int, int]:
    """Width and height, which all have. Errors: ValueError."""
    sizes = {video: _size(video) for video in videos}
    width, height = sizes[videos[0]]
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{video} {w} x {h}" for video, (w, h) in sizes.items())
        raise ValueError(f"expected videos of one size, found {listed}: scale them first")
    # Of two colours H.264 keeps one for each square of four pixels.
    if width % 2 or height % 2:
        raise ValueError(f"expected an even width and height, found {width} x {height}: scale them")
    return width, height


def _size(video: Path) -> tuple[int, int]:
    with av.open(str(video)) as container:
        if not container.streams.video:
            raise ValueError(f"{video} has no pictures: expected a video")
        stream = container.streams.video[0]
        return stream.width, stream.height


def _frames(
    videos: Sequence[Path], seconds: Fraction | None
) -> Iterator[tuple[Fraction, av.VideoFrame]]:
    """All frames, each with its time in seconds."""
    start = Fraction(0)
    for video in videos:
        with av.open(str(video)) as container:
            # A file without a rate, such as a stream that was saved, gets the usual one.
            rate = container.streams.video[0].average_rate or Fraction(25)
            frames = list(container.decode(video=0))
        if not frames:
            raise ValueError(f"{video} has no frame: leave it out")
        step: Fraction = Fraction(1) / rate if seconds is None else seconds / len(frames)
        yield from ((start + k * step, frame) for k, frame in enumerate(frames))
        start += len(frames) * step


def _seconds(text: str) -> Fraction:
    """The value of an argument. Errors: ArgumentTypeError."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0, found {text!r}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=cli.some_path, metavar="OUT", help="an mp4 file to write")
    parser.add_argument("videos", type=cli.some_path, nargs="+", metavar="VIDEO")
    parser.add_argument("--each", type=_seconds, metavar="SECONDS", help="how long each takes")
    options = parser.parse_args(arguments)
    return cli.run(lambda: join(options.output, options.videos, options.each))


if __name__ == "__main__":
    cli.leave(main())
