"""Floating-point operations of a training step, by formula.

Two for each multiply-accumulate forward. Backward, a product is differentiated by both its
factors: two more for each, but not by weights that are frozen, nor by the pixels. What
rematerialisation computes again is no work done, and is not counted.
"""

from ila_jax.config import ModelConfig
from ila_jax.cost import formulas
from ila_jax.cost.formulas import Macs

# CLIP's own parts of the image tower, which a recipe may freeze; the others are the temporal model.
_OF_CLIP = {"patches", "CLIP's block", "class projection"}


def flops(config: ModelConfig, classes: int, *, tower_frozen: bool) -> int:
    """Operations on one clip, forward and backward, as `text_head` and `linear_head` count.

    Those of the model as it is written: ILA's training multiplies two of its maps out once a step,
    and computes less (models/temporal/ila.py).
    tower_frozen: CLIP's weights of the image tower get no gradients, which still pass through to
    the temporal model of each block, if it has weights. That of the first block needs none from
    below: they are counted, which is as much as one block too many.
    """
    steps = formulas.tower(config)
    # Without weights to train anywhere in the tower, no gradient enters it at all.
    reached = not tower_frozen or not steps.keys() <= _OF_CLIP
    tower = [
        _operations(
            macs,
            weights=not (tower_frozen and name in _OF_CLIP),
            inputs=reached and name != "patches",  # those are pixels
            products=reached,
        )
        for name, macs in steps.items()
    ]
    text = config.head == "text"
    head = formulas.prompts(config, classes) if text else formulas.linear(config, classes)
    return sum(tower) + _operations(formulas.integration(config)) + _operations(head)


def _operations(
    macs: Macs, *, weights: bool = True, inputs: bool = True, products: bool = True
) -> int:
    """Two for each multiply-accumulate, forward and in each backward product that is needed.

    weights, inputs: whether products with weights are differentiated by either factor. products:
    whether those of activations are, which takes two.
    """
    return 2 * (macs.weights * (1 + weights + inputs) + macs.products * (1 + 2 * products))
