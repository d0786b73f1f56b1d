"""Why a video could not be used: a small closed list that fits into an int32 of a batch."""

import enum


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
}


class BadVideo(ValueError):
    """A video that cannot be used. `reason` is the `Reason`, `detail` what was seen."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)  # both, so that it survives pickling
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.sentence} {self.detail}".rstrip()
