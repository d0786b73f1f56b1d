"""What any long run needs: a way to stop, processes, devices, batches and a heartbeat.

The training loop is in `ila_jax.train`, and checkpoints are written there, too. The lock of a
folder is in `ila_jax.files`.
"""
