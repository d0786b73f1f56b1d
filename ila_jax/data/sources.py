"""Where videos come from: the seam at which every kind of data set plugs in."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ila_jax.data.annotations import Example
from ila_jax.data.bad import BadVideo, Reason


class VideoSource(Protocol):
    """Numbered, labelled videos. A source is sent to worker processes, so it must pickle."""

    @property
    def labels(self) -> np.ndarray:
        """Class of every video: int32 [n]."""
        ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a person knows video `index` by: its path or its key."""
        ...

    def read(self, index: int) -> bytes:
        """The bytes of the encoded file. Errors: BadVideo where there are none to be had."""
        ...


class ListSource:
    """The files of an annotation list."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._paths = [e.path for e in examples]
        self._labels = np.array([e.label for e in examples], np.int32)

    @property
    def labels(self) -> np.ndarray:
        return self._labels

    def __len__(self) -> int:
        return len(self._paths)

    def name(self, index: int) -> str:
        return self._paths[index]

    def read(self, index: int) -> bytes:
        try:
            with open(self._paths[index], "rb", buffering=0) as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError):
            raise BadVideo(Reason.MISSING) from None
        except IsADirectoryError:
            raise BadVideo(Reason.DIRECTORY) from None
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
            raise BadVideo(Reason.UNREADABLE, str(error)) from None
        if not data:
            raise BadVideo(Reason.EMPTY)
        return data
