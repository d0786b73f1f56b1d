"""Where weights and programs may be written, checked before jax or a model is loaded."""

from pathlib import Path

from ila_jax.files.writable import check_writable


def check_free(target: Path, *, force: bool) -> None:
    """Checks that `save` may write a folder of this name.

    force: whether it may replace a folder of weights that has the name.
    Errors: ValueError when the name is taken; OSError where nothing can be written.
    """
    check_writable(target.parent)
    if not target.exists():
        return
    if not force:
        raise ValueError(f"{target} exists: give the name of a folder to be made")
    if not (target / "model.json").is_file():
        raise ValueError(
            f"{target} exists and is no folder of weights, so it is not replaced: give another name"
        )


def check_exportable(target: Path) -> None:
    """Whether a model can be exported to a folder of this name. Errors: ValueError when
    the name is taken; OSError where nothing can be written; RuntimeError without flatbuffers."""
    if target.exists():
        raise ValueError(f"{target} exists: give the name of a folder to be made")
    check_writable(target)
    try:
        import flatbuffers  # noqa: F401
    except ImportError:
        raise RuntimeError(
            "flatbuffers is missing, which jax.export writes with: pip install 'ila-jax[export]'"
        ) from None
