"""The mesh of devices, and how state and batches lie on it."""

import re
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

# Which dimension of an array of the state is split over `fsdp`, by its path; None keeps it whole.
# The first match wins. An array whose dimension does not divide stays whole, too: those are small.
RULES: tuple[tuple[str, int | None], ...] = (
    (r"step|skipped|skipped_in_row", None),
    (r"batch_stats/.*", None),
    (r"(params|ema|opt_state)/.*", -1),
)

_AXES = ("data", "fsdp")
# Auto: the compiler places the collectives. make_mesh's own default is Explicit.
_AXIS_TYPES = (AxisType.Auto, AxisType.Auto)


def make_mesh(devices: Sequence[jax.Device] | None = None, *, fsdp: int = 1) -> Mesh:
    """A mesh of devices, by default all of all processes, with the axes `data` × `fsdp`.

    Batches are split over both axes, weights and optimizer state over `fsdp` alone.
    fsdp: -1 takes all devices. Errors: ValueError for one that does not divide their number.
    """
    devices = jax.devices() if devices is None else devices
    shape = _mesh_shape(len(devices), fsdp)
    return jax.make_mesh(shape, _AXES, axis_types=_AXIS_TYPES, devices=devices)


def planned_mesh(devices: int, *, fsdp: int) -> AbstractMesh:
    """The mesh of so many devices, which need not be here: to see what would lie on each.

    Errors: those of make_mesh.
    """
    return AbstractMesh(_mesh_shape(devices, fsdp), _AXES, axis_types=_AXIS_TYPES)


def _mesh_shape(devices: int, fsdp: int) -> tuple[int, int]:
    fsdp = devices if fsdp == -1 else fsdp
    if devices % fsdp:
        raise ValueError(
            f"mesh.fsdp is {fsdp}, which does not divide {devices} devices: "
            "choose a divisor, or -1 for all"
        )
    return devices // fsdp, fsdp


def replicated(mesh: Mesh | AbstractMesh) -> NamedSharding:
    """The sharding by which every device holds the whole array: class features, metrics."""
    return NamedSharding(mesh, PartitionSpec())


def over_data(mesh: Mesh) -> NamedSharding:
    """The sharding by which rows, the first dimension, are split over all devices: batches."""
    return NamedSharding(mesh, PartitionSpec(mesh.axis_names))


def shardings(mesh: Mesh | AbstractMesh, state: Any) -> Any:
    """Where each array of a state, or of its shapes, lies, by RULES: a tree of shardings.

    Errors: ValueError naming a path that no rule matches.
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, x: _sharding(mesh, jax.tree_util.keystr(path, simple=True, separator="/"), x),
        state,
    )


def _sharding(mesh: Mesh | AbstractMesh, path: str, x: Any) -> NamedSharding:
    dimensions = [dimension for pattern, dimension in RULES if re.fullmatch(pattern, path)]
    if not dimensions:
        raise ValueError(f"no rule says where {path} lies: add one to RULES")
    dimension = dimensions[0]
    if dimension is None or not x.ndim or x.shape[dimension] % mesh.shape["fsdp"]:
        return replicated(mesh)
    spec: list[str | None] = [None] * x.ndim
    spec[dimension] = "fsdp"
    return NamedSharding(mesh, PartitionSpec(*spec))


def shape_on(x: Any, sharding: Sharding) -> jax.ShapeDtypeStruct:
    """The shape of an array, of which the compiler is told where it lies."""
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding)


def put_state(mesh: Mesh, state: Any) -> Any:
    """Puts a tree of arrays that every process has on the mesh, whole on every device."""
    whole = replicated(mesh)

    def put(x: Any) -> jax.Array:
        host = np.asarray(x)
        return jax.make_array_from_callback(host.shape, whole, lambda index: host[index])

    return jax.tree.map(put, state)


def put_batch(mesh: Mesh, batch: dict[str, Any]) -> dict[str, Any]:
    """Puts this process's rows on its devices, as its part [b / processes, …] of the batch.

    batch: arrays by name, or trees of them.
    """
    sharding = over_data(mesh)
    on_devices: dict[str, Any] = jax.tree.map(
        lambda rows: jax.make_array_from_process_local_data(sharding, rows), batch
    )
    return on_devices


def shared(batch: int) -> int:
    """A batch size, rounded up to a multiple of the devices of all processes.

    For validation and evaluation, whose last batch is filled with padding anyway.
    """
    return -(-batch // jax.device_count()) * jax.device_count()


def check_batch(mesh: Mesh, name: str, batch: int) -> None:
    """Checks a global batch size, of the key `name`, which is not rounded: it decides the result.

    Errors: ValueError where the devices cannot share it evenly.
    """
    devices = mesh.size
    if batch % devices:
        raise ValueError(
            f"{name} is {batch}, which {devices} devices cannot share evenly: "
            f"choose a multiple of {devices}"
        )
