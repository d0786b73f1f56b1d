"""Object stores such as `gs://` and `s3://`: whether what reaches them is installed."""

import os

from ila_jax.files.publish import is_local

# The extra of each scheme.
_EXTRAS = {"gs": "gcs", "s3": "s3"}


def require_store(path: str | os.PathLike[str]) -> None:
    """Checks that a path can be reached, before it is: a package of its store is an extra.

    Errors: ValueError that says what to install; other paths are left to whoever opens them.
    """
    scheme = os.fspath(path).partition("://")[0]
    if is_local(path) or scheme not in _EXTRAS:
        return
    try:
        import fsspec

        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise ValueError(
            f"{os.fspath(path)} needs a package that cannot be imported ({error}): "
            f"pip install 'ila-jax[{_EXTRAS[scheme]}]'"
        ) from None
