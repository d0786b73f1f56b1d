"""All blocks of a tower are traced as one function."""

import jax
from flax import nnx

from ila_jax.models import model
from tests.models import small


def test_a_block_is_traced_once_for_all_blocks(monkeypatch):
    """A tower of four blocks merges no more modules than one of two."""
    merge, counts = nnx.merge, []

    def counted(*arguments, **options):
        counts[-1] += 1
        return merge(*arguments, **options)

    monkeypatch.setattr(nnx, "merge", counted)
    for depth in (2, 4):
        counts.append(0)
        shape = small.SHAPE.__class__(**{**vars(small.SHAPE), "depth": depth})
        config = small.config("ila", shape=shape)
        jax.eval_shape(
            lambda variables, config=config: model.apply(
                config, variables, small.video(), None, small.training()
            ),
            model.abstract(config),
        )
    # The whole model, and a block; which is known by the second tower, if not before.
    assert 1 <= counts[1] <= counts[0] <= 2
