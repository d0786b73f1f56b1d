"""Reads a frame's display matrix, as FFmpeg's own programs do, and turns the frame upright.

A camera that was held on its side stores the frames as they come, and a matrix of how to turn or
mirror them. The matrix's angle alone is not enough: a mirrored picture has one as well.
"""

import functools
import math
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type


@dataclass(frozen=True)
class Orientation:
    """What turns a stored picture upright.

    transposed: whether its rows become columns, which comes first. rows, columns: whether the order
    of its rows and columns is then reversed. degrees: by how much it is turned clockwise about its
    middle, for matrices of other angles than quarters, and otherwise 0.
    """

    transposed: bool = False
    rows: bool = False
    columns: bool = False
    degrees: int = 0

    def upright(self, plane: np.ndarray, border: int = 0) -> np.ndarray:
        """A picture or a plane of one, uint8 [h, w, …], as it is to be shown.

        It is a view of the stored one but at other angles than quarters. There the picture keeps
        its size, as with FFmpeg, and border is the value that its corners are filled with.
        """
        if self.degrees:
            return _turned(plane, self.degrees, border)
        if self.transposed:
            plane = plane.swapaxes(0, 1)
        return plane[:: -1 if self.rows else 1, :: -1 if self.columns else 1]

    def upright_aspect(self, pixel_aspect: Fraction) -> Fraction:
        """Pixel width / height in the upright picture. pixel_aspect: the same in the stored one."""
        return 1 / pixel_aspect if self.transposed else pixel_aspect


AS_STORED = Orientation()


def orientation(frame: av.VideoFrame) -> Orientation:
    """The orientation of a frame, by the file's matrix or its own: the decoder attaches either."""
    try:
        # PyAV 18 keeps frame.side_data in the frame that it refers to: a circle, which stays in
        # memory until the garbage collector comes. One of our own is kept nowhere.
        matrix = SideDataContainer(frame)[Type.DISPLAYMATRIX]  # type: ignore[call-arg]
    except KeyError:
        return AS_STORED
    except ValueError:  # PyAV 18 gives none of it where one kind is younger than itself, as EXIF
        return of_matrix(_rotation(-frame.rotation))
    return of_matrix(bytes(matrix))


@functools.lru_cache(maxsize=64)
def of_matrix(matrix: bytes) -> Orientation:
    """The orientation that a display matrix describes.

    matrix: nine int32, of which a, b, c, d are numbers 0, 1, 3, 4: x' = ax + cy, y' = bx + dy.
    FFmpeg's rule: the angle, in whole degrees, and in which of the directions the picture then is
    still reversed. A matrix without an angle, such as zeros, changes nothing.
    """
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
    # The scale of either axis, which is not applied.
    x_scale, y_scale = math.hypot(a, c), math.hypot(b, d)
    if not x_scale or not y_scale:
        return AS_STORED
    match _degrees(a / x_scale, b / y_scale):
        case 0:
            return Orientation(rows=d < 0)
        case 90:
            return Orientation(transposed=True, columns=c <= 0)
        case 180:
            return Orientation(rows=d < 0, columns=a < 0)
        case 270:
            return Orientation(transposed=True, rows=True, columns=c < 0)
        case 1:  # FFmpeg's programs turn by more than one degree only
            return AS_STORED
        case degrees:
            return Orientation(degrees=degrees)


def _rotation(degrees: float) -> bytes:
    """A display matrix that turns clockwise, as far as `of_matrix` reads it."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.array([cosine, sine, 0, -sine, cosine]) * 65536  # fixed point, with 16 bits behind
    return bytes(np.rint(matrix).astype(np.int32).tobytes())


def _degrees(cosine: float, sine: float) -> int:
    """Clockwise, 0 to 359; halves are rounded away from zero, as in C."""
    angle = math.degrees(math.atan2(sine, cosine))
    return int(math.copysign(math.floor(abs(angle) + 0.5), angle)) % 360


def _turned(plane: np.ndarray, degrees: int, border: int) -> np.ndarray:
    height, width = plane.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    return cv2.warpAffine(plane, turn, (width, height), borderValue=(border,) * 4)
