"""What accelerators could compute at most, by the names that jax has for them."""

import re
from typing import NamedTuple

from ila_jax.config import Precision


class Peak(NamedTuple):
    """Dense matrix products, TFLOP/s of one device of jax, in the precisions of `model.precision`.

    float32: as jax computes it when nothing else is asked for, in TF32 on GPUs that have it and in
    bfloat16 on TPUs (jax.lax.Precision.DEFAULT).
    """

    bfloat16: float
    float32: float


# The first match wins. NVIDIA's data sheets: figures "with sparsity" halved. TPUs: a chip's
# bfloat16 rate on docs.cloud.google.com/tpu/docs/v4, v5e, v5p, v6e.
PEAKS: dict[str, Peak] = {
    # V100 data sheet: 14 (PCIe) and 15.7 (SXM2). Without bfloat16: XLA computes it in float32.
    r"V100-PCIE": Peak(14.0, 14.0),
    r"V100": Peak(15.7, 15.7),
    # A100 data sheet: bfloat16 312, TF32 156, in all forms.
    r"A100": Peak(312.0, 156.0),
    # H100 data sheet: PCIe 1,513 and 756, NVL 1,671 and 835, SXM 1,979 and 989, with sparsity.
    r"H100 PCIe": Peak(756.5, 378.0),
    r"H100 NVL": Peak(835.5, 417.5),
    r"H100": Peak(989.5, 494.5),
    # H200 data sheet: NVL 1,671 and 836, SXM as H100, with sparsity.
    r"H200 NVL": Peak(835.5, 418.0),
    r"H200": Peak(989.5, 494.5),
    # L4 data sheet: 242 and 120, with sparsity.
    r"L4$": Peak(121.0, 60.0),
    r"TPU v4$": Peak(275.0, 275.0),
    r"TPU v5( lite|e)$": Peak(197.0, 197.0),
    r"TPU v5p?$": Peak(459.0, 459.0),
    r"TPU v6( lite|e)$": Peak(918.0, 918.0),
}


def peak(device_kind: str, precision: Precision) -> float | None:
    """FLOP/s of one device, by `jax.Device.device_kind`; None when it is not in the table.

    A CPU is not: its peak depends on its cores. Neither is float64.
    """
    if precision == "float64":
        return None
    for pattern, dense in PEAKS.items():
        if re.search(pattern, device_kind):
            tflops: float = getattr(dense, precision)
            return tflops * 1e12
    return None
