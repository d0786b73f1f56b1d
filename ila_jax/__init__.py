"""ILA for JAX: implicit temporal modeling with learnable alignment for video recognition.

The public names are loaded when first used, so that `import ila_jax` costs nothing.
"""

import importlib
import itertools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ila_jax.data.video.bad import BadVideo as BadVideo
    from ila_jax.data.video.read_video import read_video as read_video
    from ila_jax.predictions import Answer as Answer
    from ila_jax.predictions import Prediction as Prediction
    from ila_jax.recognizer import Recognizer as Recognizer
    from ila_jax.weights.create import create as create
    from ila_jax.weights.folder import load as load
    from ila_jax.weights.hub_folder import push as push
    from ila_jax.weights.hub_folder import save as save
    from ila_jax.weights.state_dict import from_torch as from_torch
    from ila_jax.weights.state_dict import to_torch as to_torch

# Importing jax and flax takes seconds, which nobody should pay who needs neither.
_HOMES = {
    "Answer": "ila_jax.predictions",
    "BadVideo": "ila_jax.data.video.bad",
    "Prediction": "ila_jax.predictions",
    "Recognizer": "ila_jax.recognizer",
    "create": "ila_jax.weights.create",
    "from_torch": "ila_jax.weights.state_dict",
    "load": "ila_jax.weights.folder",
    "push": "ila_jax.weights.hub_folder",
    "read_video": "ila_jax.data.video.read_video",
    "save": "ila_jax.weights.hub_folder",
    "to_torch": "ila_jax.weights.state_dict",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ila_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, *globals()]


def _is_command() -> bool:
    """Whether this is the start of `python -m ila_jax.…`, which is called "-m" until found."""
    return sys.argv[:1] == ["-m"] and any(
        flag == "-m" and name.startswith(f"{__name__}.")
        for flag, name in itertools.pairwise(sys.orig_argv)
    )


# This is the first code of the package that runs: Ctrl-C during the imports of a command is caught
# from here on, or nowhere.
if _is_command():
    from ila_jax import commands

    commands.begin()
