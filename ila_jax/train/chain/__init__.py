"""A training step as a chain of small programs, of which a few serve all blocks of the image tower.

Where to look for what:
    by_block    the step: which program is called after which
    functions   what the programs compute
    halves      a function's forward and backward pass as two programs
    layers      a run's state by layer of the model
    programs    compiled programs by name, and the memory that they take together

`ila_jax.train.compiled` decides which steps are a chain.
"""
