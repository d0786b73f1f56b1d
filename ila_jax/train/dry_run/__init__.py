"""`python -m ila_jax.train --dry-run`: what a run would need and do, without starting it.

Operations are counted in `ila_jax.cost`; here it is about memory, time and what trains.
"""
