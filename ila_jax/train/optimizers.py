"""Optimizers by name: each is one function of the configuration and a row in OPTIMIZERS.

An optimizer gives the direction of a step; `descend` walks it, with the learning rate of each
parameter, which comes from schedules.py and parameter_groups.py.
"""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ila_jax.config import OptimizerConfig
from ila_jax.models.paths import by_path, from_paths
from ila_jax.shapes import Scalar, Tree

# Position embeddings of either tower, of MIT and of the temporal models: the released code decays
# none of them.
_NO_DECAY = r".*(positions|temporal_embedding)"


def make_optimizer(config: OptimizerConfig) -> optax.GradientTransformationExtraArgs:
    """The optimizer that `optimizer.name` names.

    Its `update` may be given the gradients of some parameters, and `gradient_norm`, the norm of
    all. Errors: ValueError for a name that is unknown.
    """
    if config.name not in OPTIMIZERS:
        raise ValueError(
            f"optimizer.name is {config.name!r}: expected one of {', '.join(OPTIMIZERS)}"
        )
    return optax.with_extra_args_support(OPTIMIZERS[config.name](config))


def adamw(config: OptimizerConfig) -> optax.GradientTransformation:
    """Adam with decoupled weight decay, after the global norm of the gradient is clipped.

    What optax returns is the state of a checkpoint: another order of the chain, or another link,
    would not read the checkpoints that there are.
    """
    return optax.chain(
        *_clipping(config),
        optax.scale_by_adam(b1=config.betas[0], b2=config.betas[1], eps=config.eps),
        # After Adam, not before it: decoupled decay is not divided by the gradient's deviation.
        optax.add_decayed_weights(config.weight_decay, mask=decays),
    )


# To add one: its function, built on `_clipping` and `decays`, and its row. `optimizer.name` of a
# configuration chooses among them. What it does to a parameter must not depend on other parameters
# but through `gradient_norm`: a step may be computed layer by layer.
OPTIMIZERS: dict[str, Callable[[OptimizerConfig], optax.GradientTransformation]] = {
    "adamw": adamw,
}


def _clipping(config: OptimizerConfig) -> list[optax.GradientTransformation]:
    """What every optimizer starts with; nothing where `clip_norm` is 0."""
    return [_clip_by_norm(config.clip_norm)] if config.clip_norm else []


def _clip_by_norm(largest: float) -> optax.GradientTransformationExtraArgs:
    """`optax.clip_by_global_norm`, which may be given the norm: of more gradients than it sees."""

    def update(
        updates: Any,
        state: Any,
        params: Any = None,
        *,
        gradient_norm: Scalar | None = None,
        **_: Any,
    ) -> tuple[Any, Any]:
        norm = optax.tree.norm(updates) if gradient_norm is None else gradient_norm

        def clip(x: Any) -> Any:
            return jnp.where(norm < largest, x, (x / norm.astype(x.dtype)) * largest)

        return jax.tree.map(clip, updates), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def decays(params: Tree) -> Tree:
    """Whether each parameter decays: all but vectors (biases, norms, α) and positions."""
    return from_paths(
        {
            path: value.ndim > 1 and not re.fullmatch(_NO_DECAY, path)
            for path, value in by_path(params).items()
        }
    )


def descend(
    params: Tree, direction: Tree, learning_rate: Scalar, lr_factors: dict[str, float]
) -> Tree:
    """params − learning_rate·factor·direction, with the factor of each parameter.

    params, direction: the trainable parameters. lr_factors: by path.
    """
    step = by_path(direction)
    return from_paths(
        {
            # The product is rounded to the parameter's dtype before it scales the direction.
            path: value - (learning_rate * lr_factors[path]).astype(value.dtype) * step[path]
            for path, value in by_path(params).items()
        }
    )
