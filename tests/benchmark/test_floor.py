"""The least time of a pass, and the sentence that says what limits it."""

import pytest

from ila_jax.benchmark.floor import Part, Rates, Work, limiter, parts_of

RATES = Rates(matmul=100.0, bandwidth=10.0)
# 4 s of products and 1 s of transfers.
WORK = Work(flops=400.0, size=10.0)


def test_the_floor_is_the_larger_of_products_and_transfers():
    assert WORK.floor(RATES) == 4
    assert Work(flops=400.0, size=90.0).floor(RATES) == 9


def test_parts_have_the_operations_of_their_pass():
    seconds = {"MLP, backward": 6.0, "MLP": 4.0, "optimizer": 2.0}
    parts = parts_of(seconds, {"MLP": 5}, clips=3, devices=2)
    # Two operations a multiply-add, of three clips; backward for weights and for inputs.
    assert parts == [
        Part("MLP, backward", 3.0, 60.0), Part("MLP", 2.0, 30.0), Part("optimizer", 1.0, 0.0)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "work", "parts", "sentence"),
    [
        (5.0, WORK, [], "The step is limited by the device's matrix products: at its rate it "
         "takes 80%."),
        (10.0, Work(flops=1.0, size=90.0), [], "The step is limited by the memory's bandwidth: at "
         "its rate it takes 90%."),
        # Of 10 s the MLP's products would take 4, the others have none.
        (10.0, WORK, [Part("MLP", 3.0, 300.0), Part("MLP, backward", 3.0, 100.0),
                      Part("interaction", 4.0, 0.0)],
         "The step is limited by the interaction: 4.00 s of 10.00 s traced, and it multiplies no "
         "matrices."),
        (10.0, WORK, [Part("interaction", 0.5, 10.0), Part("interaction, backward", 3.5, 20.0),
                      Part("MLP", 6.0, 370.0)],
         "The step is limited by the interaction: 4.00 s of 10.00 s traced, 13.3 times what its "
         "3e-08 GFLOP take in a large product."),
        # Reading and writing the state would take 1 s.
        (10.0, WORK, [Part("optimizer", 6.0, 0.0), Part("MLP", 4.0, 100.0)],
         "The step is limited by the optimizer: 6.00 s of 10.00 s traced, 6.0 times what reading "
         "and writing the state takes."),
        (10.0, Work(flops=400.0, size=0.0), [Part("optimizer", 9.0, 0.0)],
         "The step is limited by the optimizer: 9.00 s of 9.00 s traced, and it multiplies no "
         "matrices."),
        (10.0, WORK, [Part("blocks, the rest, backward", 10.0, 0.0)],
         "The step is limited by the rest of the blocks: 10.00 s of 10.00 s traced, and it "
         "multiplies no matrices."),
        (10.0, WORK, [Part("MLP", 4.0, 390.0)],
         "The step is limited by gaps between operations: for 60% of it none runs that the trace "
         "shows. On a busy machine, that is the time of other programs."),
        (10.0, WORK, [], "The step is limited by neither matrix products nor bandwidth, which "
         "would take 40% of it: by which part cannot be said without a trace."),
    ],
)  # fmt: skip
def test_what_limits(seconds, work, parts, sentence):
    assert limiter("The step", seconds, work, RATES, parts) == sentence
