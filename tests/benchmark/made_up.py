"""Rows of a benchmark of models with figures that give whole ratios."""

import dataclasses

from ila_jax.benchmark.result import PassSpeed, Result, Row, setting
from ila_jax.config import from_config, read_config

MACHINE = {"device": "a chip", "devices": 1, "cores": 2, "jax": "0.1", "python": "3.11"}


def a_pass(**changes):
    values = {
        "clips_per_second": 10.0, "seconds": 0.4, "spread": 0.1, "flops_per_clip": 6 * 10**9,
        "floor": 0.2, "share_of_floor": 0.5, "share_of_matmul": 0.5, "tracing": 1.0,
        "compile_cold": 9.0, "compile_cached": None, "arguments": 2**30, "working": 2**29,
        "parts": [
            {"name": "MLP", "seconds": 0.3, "flops": 3e10},
            {"name": "optimizer", "seconds": 0.1, "flops": 0},
        ],
        "buffers": [{"part": "MLP", "shape": "f32[2,3]", "count": 12, "size": 2**28}],
        "limiter": "The step is limited by the MLP: a reason.",
    }  # fmt: skip
    return PassSpeed(**values | changes)


def row(*overrides, share=0.5, clips_per_second=10.0):
    """Of the B/32 of Kinetics-400 with overrides. share: of the matrix rate, in training."""
    config = from_config(read_config("k400/b32_8f", overrides))
    return Row(
        setting=setting("k400/b32_8f", config, 400),
        matmul=2e11,
        bandwidth=1e10,
        macs={"MLP": 10**9},
        mfu=None,
        memory=None,
        training=a_pass(share_of_matmul=share, clips_per_second=clips_per_second),
        inference=a_pass(flops_per_clip=2 * 10**9),
    )


def result(*rows, **machine):
    return Result(MACHINE | machine, list(rows))


def faster(row, times):
    """The same row with a training that is so many times as fast."""
    speed = row.training
    changed = dataclasses.replace(speed, clips_per_second=times * speed.clips_per_second)
    return dataclasses.replace(row, training=changed)
