"""A model small enough to compile in seconds, and weights for it in which nothing is zero."""

import dataclasses
import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from ila_jax.config import ModelConfig
from ila_jax.models import model
from ila_jax.models.model import Variables
from ila_jax.shapes import Training
from ila_jax.sizes import Geometry

FRAMES = 3  # the fewest with a frame that has neighbours on both sides
CLASSES = 5
FORMS = ["k400", "ssv2"]  # of the convolutions
# Compiling takes longer than running: for `jax.jit(…, compiler_options=QUICK)`.
# (Not xla_backend_optimization_level 0: XLA's code for CPUs then gives NaN where there is none.)
QUICK = {"xla_llvm_disable_expensive_passes": True}
# Four patches a side: the alignment halves the grid twice.
SHAPE = Geometry(patch=4, resolution=16, width=64, depth=2, embed=64, text_width=64, text_depth=1)


def config(temporal="ila", head="linear", convolutions="k400", **changes):
    made = ModelConfig(
        size="small",
        shape=SHAPE,
        temporal=temporal,
        frames=FRAMES,
        head=head,
        classes=CLASSES if head == "linear" else None,
        convolutions=convolutions,
        channels=16,
        dropout=0.0,
        precision="float32",
    )
    return dataclasses.replace(made, **changes)


def flat(tree):
    return flatten_dict(tree, sep="/")


def unflat(tree):
    return unflatten_dict(tree, sep="/")


def fill(tree, seed=""):
    """Every leaf random and far from its start, by path, so that two models share what they share.

    Norms around 1, other vectors small, kernels scaled by their inputs.
    """

    def one(path, like):
        z = np.random.RandomState(zlib.crc32(f"{seed}{path}".encode())).standard_normal(like.shape)
        leaf = path.rpartition("/")[2]
        if leaf in ("scale", "var"):
            z = 1 + 0.2 * np.abs(z)
        elif leaf == "kernel":
            z = z / np.sqrt(np.prod(like.shape[:-1]))
        elif leaf == "logit_scale":
            z = np.log(10) + 0 * z
        else:
            z = 0.3 * z
        return jnp.asarray(z, like.dtype)

    return unflat({path: one(path, like) for path, like in flat(tree).items()})


@functools.cache
def filled(config, seed=""):
    return Variables(*(fill(tree, seed) for tree in model.abstract(config)))


@functools.cache
def with_new_fresh(config, seed=0):
    """Random weights of CLIP, and what the temporal model adds as it starts."""
    fresh, random = model.initialize(config, seed), filled(config)
    params = {
        path: value if "/temporal/" in path else flat(random.params)[path]
        for path, value in flat(fresh.params).items()
    }
    return Variables(unflat(params), fresh.batch_stats)


def video(batch=2, frames=FRAMES, seed=0):
    """Normalised frames that differ from each other, [b, t, h, w, 3]."""
    shape = (batch, frames, SHAPE.resolution, SHAPE.resolution, 3)
    return jnp.asarray(np.random.RandomState(seed).standard_normal(shape), jnp.float32)


def training(noise=0.2):
    return Training(jnp.float32(noise), jax.random.key(0))
