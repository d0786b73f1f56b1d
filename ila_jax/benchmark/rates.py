"""What one device reaches here: in large matrix products, and in moving large arrays."""

import time

import jax
import jax.numpy as jnp

from ila_jax.benchmark.floor import Rates
from ila_jax.cost.measure import timed

# Sides of the square matrices that FLOP/s are measured with: large enough to reach the machine's
# most, small enough to take no more than a second there.
_SIDE = {"cpu": 1024}
_ACCELERATOR_SIDE = 8192
# Bytes of the array that is moved: more than caches hold.
_ARRAY = {"cpu": 1 << 28}
_ACCELERATOR_ARRAY = 1 << 30
_REPEATS = 10


def measure_rates(precision: str) -> Rates:
    """The best of ten tries of each: other work can only make them slower."""
    return Rates(_matmul(precision), _bandwidth())


def _matmul(precision: str) -> float:
    """FLOP/s of one device in products of large square matrices."""
    side = _SIDE.get(jax.devices()[0].platform, _ACCELERATOR_SIDE)
    # In the precision of the model: products in bfloat16 are several times as fast as in float32.
    a = jax.random.normal(jax.random.key(0), (side, side)).astype(precision)
    product = jax.jit(lambda a, b: a @ b)
    return 2 * side**3 / min(timed(product, a, a, repeats=_REPEATS))


def _bandwidth() -> float:
    """Bytes a second, those read and those written together."""
    size = _ARRAY.get(jax.devices()[0].platform, _ACCELERATOR_ARRAY)
    # In place: fresh memory would have to be had from the system each time.
    add = jax.jit(lambda x: x + 1, donate_argnums=0)
    x = add(jnp.zeros(size // 4, jnp.float32))
    seconds = []
    for _ in range(_REPEATS):
        x.block_until_ready()
        begin = time.perf_counter()
        x = add(x).block_until_ready()
        seconds.append(time.perf_counter() - begin)
    return 2 * size / min(seconds)
