"""The package tensorflow-datasets, which the extra `tfds` brings."""

from typing import Any


def require_tfds(what: str) -> Any:
    """The module `tensorflow_datasets`, loaded where it is first needed: that takes half a second.

    what: what it is for, as the beginning of a sentence.
    Errors: ValueError where the package, or something that it imports, is not installed.
    """
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ValueError(
            f"{what} needs tensorflow-datasets, which cannot be imported ({error}): "
            "pip install 'ila-jax[tfds]' (it brings no TensorFlow)"
        ) from None
    return tensorflow_datasets
