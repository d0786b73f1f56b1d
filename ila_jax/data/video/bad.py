"""Lists the reasons why a video could not be used; each fits into an int32 of a batch.

Everything that reads videos raises `BadVideo` with one of these reasons, and nothing else, for what
is wrong with a file. What becomes of such a video is decided in `ila_jax.data.clips`.
"""

import enum
import errno
from collections.abc import Iterator
from contextlib import contextmanager


class Reason(enum.IntEnum):
    """Reasons that `BadVideo` gives; the numbers are stored in batches, so they never change."""

    MISSING = 0
    UNREADABLE = 1
    DIRECTORY = 2
    EMPTY = 3
    NOT_VIDEO_FILE = 4
    NO_VIDEO_STREAM = 5
    NO_FRAMES = 6
    DAMAGED = 7
    SIZE_CHANGES = 8
    TOO_SLOW = 9
    TOO_LARGE = 10
    CRASHES = 11
    NOT_A_FILE = 12
    UNSUPPORTED = 13
    UNFORESEEN = 14

    @property
    def sentence(self) -> str:
        """The reason as a person reads it."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.MISSING: "There is no file at this path.",
    Reason.UNREADABLE: "The file exists but cannot be read (permissions or a disk error).",
    Reason.DIRECTORY: "The path is a folder, not a file.",
    Reason.EMPTY: "The file is empty.",
    Reason.NOT_VIDEO_FILE: "The file is no video container that FFmpeg knows, or its head is cut.",
    Reason.NO_VIDEO_STREAM: "The file has no video stream that FFmpeg can decode.",
    Reason.NO_FRAMES: "The video stream has no frames.",
    Reason.DAMAGED: "The file is truncated or damaged: not every frame it promises decodes.",
    Reason.SIZE_CHANGES: "The frame size changes in the middle of the video.",
    Reason.TOO_SLOW: "Reading and decoding took longer than data.time_limit, or never ended.",
    Reason.TOO_LARGE: "The file or its frames are larger than the loader takes into memory.",
    Reason.CRASHES: "Reading it ended its process, twice.",
    Reason.NOT_A_FILE: "The path is a pipe, a socket or a device, not a file.",
    Reason.UNSUPPORTED: "Its frames decode, but their colours cannot be made RGB.",
    Reason.UNFORESEEN: "Reading it failed in a way that nobody foresaw.",
}


class BadVideo(ValueError):
    """A video that cannot be used. `reason` is the `Reason`, `detail` the observation behind it."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)  # both, so that it survives pickling
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.sentence} {self.detail}".rstrip()

    def of(self, name: str) -> "BadVideo":
        """The same error, with the name of the video in its message."""
        return BadVideo(self.reason, f"{self.detail} {name}".strip())


@contextmanager
def errors_as_bad_video() -> Iterator[None]:
    """Turns whatever is raised inside into a BadVideo, the fault of the video that is read there.

    Decoders, scalers and resizers raise what they like, for one file in a million. Everything that
    makes something of a video's bytes runs inside of this, so that no file ends a command. It is
    not a video's fault that no file at all can be opened any more: that OSError is left as it is.
    """
    try:
        yield
    except BadVideo:
        raise
    except MemoryError as error:
        raise BadVideo(Reason.TOO_LARGE, "There was too little memory for it.") from error
    except Exception as error:
        # Otherwise every video from here on would be called bad.
        if is_out_of_files(error):
            raise
        message = f"{type(error).__name__}: {error}".strip().rstrip(".:")
        raise BadVideo(Reason.UNFORESEEN, f"{message}.") from error


def is_out_of_files(error: Exception) -> bool:
    """Whether an error says that too many files are open: the next video would fail as well."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
