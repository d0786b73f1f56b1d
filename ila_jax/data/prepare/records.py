"""What a prepared example is: its features, and their bytes in a record (TFDS, no TensorFlow)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.example_serializer import ExampleSerializer


def features(class_names: Sequence[str]) -> tfds.features.FeaturesDict:
    """The features of a prepared example, as TFDS describes them.

    video: the bytes of an mp4 file. name: the video's id as text. frames: how many it has. height
    and width: in pixels, upright. seconds: from the first frame to the last.
    """
    return tfds.features.FeaturesDict(
        {
            # Bytes, and not TFDS's Video, which decodes by TensorFlow into single pictures.
            "video": tfds.features.Scalar(np.object_),
            "label": tfds.features.ClassLabel(names=list(class_names)),
            "name": tfds.features.Text(),
            "frames": tfds.features.Scalar(np.int32),
            "height": tfds.features.Scalar(np.int32),
            "width": tfds.features.Scalar(np.int32),
            "seconds": tfds.features.Scalar(np.float32),
        }
    )


class Serializer:
    """Examples to the bytes of `tf.train.Example`, as TFDS writes them, but always the same."""

    def __init__(self, class_names: Sequence[str]) -> None:
        """class_names: of the label, class 0 first."""
        self._features = features(class_names)
        self._serializer = ExampleSerializer(self._features.get_serialized_info())

    def __call__(self, example: dict[str, Any]) -> bytes:
        """The record of an example, which has a value for each of the `features`."""
        message = self._serializer.get_tf_example(self._features.encode_example(example))
        # Or the features come in another order in every process, and shards have other checksums.
        record: bytes = message.SerializeToString(deterministic=True)
        return record
