"""Pictures as `data:` addresses, so that a page that shows them loads nothing."""

import base64

import cv2
import numpy as np
from jaxtyping import UInt8


def png(image: UInt8[np.ndarray, "h w 3"]) -> str:
    """A picture as a `data:` address."""
    return address("image/png", _encoded(image, ".png"))


def jpeg(image: UInt8[np.ndarray, "h w 3"]) -> str:
    """A picture as a `data:` address, smaller than `png`, with the losses of JPEG."""
    return address("image/jpeg", _encoded(image, ".jpg"))


def address(kind: str, data: bytes) -> str:
    """The `data:` address of any bytes. kind: their media type, such as `text/csv`."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _encoded(image: np.ndarray, suffix: str) -> bytes:
    # OpenCV takes BGR.
    written, data = cv2.imencode(suffix, np.ascontiguousarray(image[..., ::-1]))
    assert written, "an RGB picture in memory can be encoded"
    return data.tobytes()
