"""Where weights and programs may be written, checked before jax or a model is loaded."""

import importlib.util
from pathlib import Path

from ila_jax.files.writable import check_writable

# Libraries by which each format is written, and checked.
_NEEDED = {"stablehlo": ["flatbuffers"], "onnx": ["jax2onnx", "onnx", "onnxruntime"]}


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


def check_exportable(target: Path, form: str = "stablehlo") -> None:
    """Whether a model can be exported to a folder of this name, as StableHLO or as ONNX.

    form: "stablehlo" or "onnx". Errors: ValueError when the name is taken; OSError where nothing
    can be written; RuntimeError where a library is missing, that names the extra.
    """
    if target.exists():
        raise ValueError(f"{target} exists: give the name of a folder to be made")
    check_writable(target)
    absent = [name for name in _NEEDED[form] if importlib.util.find_spec(name) is None]
    if absent:
        extra = "export" if form == "stablehlo" else form
        raise RuntimeError(
            f"exporting as {form} needs {', '.join(_NEEDED[form])}, and {', '.join(absent)} cannot "
            f"be found: pip install 'ila-jax[{extra}]'"
        )
