"""Why a video could not be used: a small closed list that fits into an int32 of a batch."""

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
    """A video that cannot be used. `reason` is the `Reason`, `detail` what was seen."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)  # both, so that it survives pickling
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.sentence} {self.detail}".rstrip()

    def of(self, name: str) -> "BadVideo":
        """The same, saying which video it is."""
        return BadVideo(self.reason, f"{self.detail} {name}".strip())


@contextmanager
def its_fault() -> Iterator[None]:
    """Whatever is raised inside is the fault of the video that is read there: BadVideo.

    Decoders, scalers and resizers raise what they like, for one file in a million. Everything that
    makes something of a video's bytes runs inside of this, so that no file ends a command. Not its
    fault is that no file at all can be opened any more, an OSError that is left as it is.
    """
    try:
        yield
    except BadVideo:
        raise
    except MemoryError as error:
        raise BadVideo(Reason.TOO_LARGE, "There was too little memory for it.") from error
    except Exception as error:
        if is_everyones(error):
            raise
        said = f"{type(error).__name__}: {error}".strip().rstrip(".:")
        raise BadVideo(Reason.UNFORESEEN, f"{said}.") from error


def is_everyones(error: Exception) -> bool:
    """Whether the next video would fail as well: there are too many open files."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
