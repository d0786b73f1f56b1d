"""A row's own process: `python -m tools.gpu_report.row JSON`, which the report starts."""

import json
import sys

from ila_jax.freed_memory import keep_freed_memory
from tools.gpu_report.rows import Row
from tools.gpu_report.turn import tell_host_memory


def main(text: str) -> None:
    """Measures one row. Imports are here: jax and torch are never in the same process."""
    row = Row(**json.loads(text))
    if row.kind.startswith("torch"):
        from tools.gpu_report import torch_rows

        measure = {
            "torch-train": torch_rows.train,
            "torch-infer": torch_rows.infer,
            "torch-compiled": torch_rows.compiled,
            "torch-parts": torch_rows.parts,
        }
    else:
        # As the commands do; PyTorch's rows are as PyTorch is by itself.
        keep_freed_memory()
        from tools.gpu_report import jax_rows, parts

        measure = {
            "rate": jax_rows.rate,
            "train": jax_rows.train,
            "infer": jax_rows.infer,
            "parts": parts.parts,
        }
    measure[row.kind](row)
    tell_host_memory()


if __name__ == "__main__":
    main(sys.argv[1])
