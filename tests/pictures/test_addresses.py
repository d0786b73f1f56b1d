"""Pictures in a page come back out of it as they were."""

import base64

import cv2
import numpy as np

from ila_jax.pictures.addresses import address, jpeg, png


def decoded(text):
    data = np.frombuffer(base64.b64decode(text.split(",")[1]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def test_a_png_is_the_picture_and_a_jpeg_is_near_it():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:8, :, 0] = 200  # red, which blue would not pass for
    assert png(image).startswith("data:image/png;base64,")
    np.testing.assert_array_equal(decoded(png(image)), image)
    # Of one colour, since JPEG blurs an edge.
    plain = image[:8]
    assert jpeg(plain).startswith("data:image/jpeg;base64,")
    np.testing.assert_allclose(decoded(jpeg(plain)), plain, atol=3)


def test_any_bytes_have_an_address():
    assert address("text/csv;charset=utf-8", b"a,b") == "data:text/csv;charset=utf-8;base64,YSxi"
