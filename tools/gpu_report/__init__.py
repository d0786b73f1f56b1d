"""Measures ila_jax on a device beside the same model in plain PyTorch; `--help` says how."""
