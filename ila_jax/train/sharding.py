"""The mesh of devices, and how state and batches lie on it."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec


def make_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Devices along one axis, `data`; by default all of all processes."""
    devices = jax.devices() if devices is None else devices
    # Auto: the compiler places the collectives. make_mesh's own default is Explicit.
    return jax.make_mesh((len(devices),), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """The same array on every device: state, class features, metrics."""
    return NamedSharding(mesh, PartitionSpec())


def over_data(mesh: Mesh) -> NamedSharding:
    """Rows split over the devices: batches."""
    return NamedSharding(mesh, PartitionSpec("data"))


def put_state(mesh: Mesh, state: Any) -> Any:
    """A tree of host or device arrays, replicated."""
    return jax.device_put(state, replicated(mesh))


def put_batch(mesh: Mesh, batch: dict[str, np.ndarray]) -> dict[str, jax.Array]:
    """This process's rows as part of the global batch."""
    sharding = over_data(mesh)
    return {
        name: jax.make_array_from_process_local_data(sharding, rows) for name, rows in batch.items()
    }


def check_batch(mesh: Mesh, name: str, batch: int) -> None:
    """Errors: ValueError for a global batch that the devices cannot share evenly."""
    devices = mesh.size
    if batch % devices:
        raise ValueError(
            f"{name} is {batch}, which {devices} devices cannot share evenly: "
            f"choose a multiple of {devices}"
        )
