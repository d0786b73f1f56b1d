"""Runs videos in other processes, which these may hang or crash, and checks that they may start.

The processes of a run on several hosts are in `ila_jax.job.processes`.
"""
