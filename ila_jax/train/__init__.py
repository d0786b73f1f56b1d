"""Training. Read `loop.py` from top to bottom: it has all side effects, in their order.

Where to look for what:
    start             what a run starts from, and whether its folder may be used
    recipe            all that a step needs beyond state and batch
    parameter_groups  the learning rate of each parameter, and which are frozen
    optimizers        AdamW, and the table for others
    schedules         learning rate and alignment noise by step
    step, gradients   one step as pure functions; augment, mixing, losses are parts of it
    state, checkpoint what a run carries on, and how it lies on the disk
    compiled, chain/  the step as one program, or as a chain of small ones
    validate          scores during training; the metrics themselves are in `scoring/metrics.py`
    writer, meter     metrics in files, and where the time goes
    dry_run/          what a run would need, without starting it

What any long run needs, such as stopping and devices, is in `ila_jax.job`.
"""
