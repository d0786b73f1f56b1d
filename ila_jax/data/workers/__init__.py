"""Processes beside this one that videos may hang or crash, and whether the system lets them start.

The processes of a run on several hosts are in `ila_jax.job.processes`.
"""
