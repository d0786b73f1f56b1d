"""Traces every temporal model with the shapes in annotations checked, in a process of its own.

`python -m tests.models.annotated_shapes` writes {case: what is wrong, or null} as JSON. The hook
rewrites every function of ila_jax while it is imported, which must not reach other tests.
"""

import functools
import itertools
import json

import jax
from jaxtyping import install_import_hook

with install_import_hook("ila_jax", "beartype.beartype"):
    from ila_jax.models import model
    from ila_jax.models.inspection import heat, look, on_patches
    from ila_jax.models.variants import TEMPORAL
    from tests.models import small

TEXTS = jax.ShapeDtypeStruct((small.CLASSES, 7), "int32")


def logits(config, training, variables, video, tokens):
    text = model.text_features(config, variables, tokens) if config.head == "text" else None
    return model.apply(config, variables, video, text, training)


def inspected(config, variables, video):
    return [(heat(view.tokens), on_patches(view)) for view in look(config, variables, video)]


def trace(temporal, head, form):
    """Shapes alone: what annotations say of them is checked while the functions are traced."""
    config = small.config(temporal, head, form)
    variables, video = model.abstract(config), small.video()
    for training in (None, small.training()):
        jax.eval_shape(functools.partial(logits, config, training), variables, video, TEXTS)
    jax.eval_shape(functools.partial(inspected, config), variables, video)


def problem(check, *arguments):
    """The first line of what is wrong."""
    try:
        check(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    return None


def planted():
    """A block on what is no batch of clips: an axis is missing."""
    config = small.config("spatial")
    block = model.bind(config, small.filled(config)).visual.blocks[0]
    block(small.video()[:, 0, :, :, 0], None)


if __name__ == "__main__":
    cases = itertools.product(TEMPORAL, ["text", "linear"], small.FORMS)
    problems = {"/".join(case): problem(trace, *case) for case in cases}
    print(json.dumps(problems | {"planted": problem(planted)}))
