"""A training step as a chain of small programs, of which a few serve all blocks of the image tower.

Compiled as one program (step.py), a step takes longer to compile, and to read where it is kept,
with each block. Here what is computed of a block is compiled once, and called for one block after
the other: blocks that are built alike differ in their weights alone. The numbers are the same, but
for the order of some sums.
"""

import functools
import time
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array

from ila_jax.job.sharding import over_data, replicated
from ila_jax.models.barriers import compiler_options
from ila_jax.models.paths import by_path, from_paths
from ila_jax.shapes import TextFeatures
from ila_jax.train.chain import functions
from ila_jax.train.chain.functions import Arrays, Means, Own, Shared
from ila_jax.train.chain.halves import Halves, halves
from ila_jax.train.chain.layers import Layer, Layers
from ila_jax.train.chain.programs import MemoryAccount, Programs, at_peak, memory_account, shape_of
from ila_jax.train.recipe import Recipe
from ila_jax.train.state import State
from ila_jax.train.step import StepOutput


class _Held(NamedTuple):
    """What there is for a layer's backward pass, once its forward pass has been called."""

    name: str
    wanted: Any
    others: Any
    kept: list[Any]


class StepByBlock:
    """`step.step`, for states and batches that lie on a mesh as these do, or as their shapes do.

    Its call takes (state, batch, text) and returns (new state, StepOutput), as that of a step which
    is compiled as one program; the state that it is given is gone afterwards.
    """

    def __init__(
        self,
        recipe: Recipe,
        mesh: Mesh,
        state: State,
        batch: dict[str, Any],
        text: TextFeatures | None,
    ):
        platform = mesh.devices.flat[0].platform
        self._recipe = recipe
        self._rows, self._whole = over_data(mesh), replicated(mesh)
        self._programs = Programs(compiler_options(platform), waits=platform == "cpu")
        self._halves: dict[str, Halves] = {}
        self._given = jax.tree.map(shape_of, (state, batch, text))
        self._layers = Layers(recipe, self._given[0])
        # With shapes in the place of arrays it is compiled.
        begin = time.perf_counter()
        self(*self._given)
        # Seconds of tracing: of all that was done before the first step but compiling.
        self.tracing = time.perf_counter() - begin - self._programs.compiling

    def __call__(
        self, state: State, batch: dict[str, Array], text: TextFeatures | None
    ) -> tuple[State, StepOutput]:
        """The state after the step, and what the step says."""
        parts = self._recipe.config.train.accumulation
        given = layers = self._layers.variables(state["params"], state["batch_stats"])
        means: Any = None
        for part in range(parts):
            of_part, stats = self._part(layers, state["step"], batch, np.int32(part), text)
            if parts == 1:
                means = of_part
            elif part == 0:
                means = self._programs("share", functools.partial(functions.share, parts), of_part)
            else:
                add = functools.partial(functions.add_share, parts)
                means = self._programs("add", add, means, of_part, donate=(0,))
            del of_part
            layers = [layer._replace(stats=new) for layer, new in zip(layers, stats, strict=True)]
        del layers
        return self._advance(state, given, means, stats, batch)

    def _part(
        self, layers: list[Layer], number: Any, batch: Any, part: Any, text: Any
    ) -> tuple[Means, list[Arrays]]:
        """What a part of the batch says, and the running statistics after it, by layer."""
        recipe, last, whole = self._recipe, layers[-1], self._whole
        inputs = functools.partial(functions.inputs, recipe)
        video, targets, training = self._programs(
            "inputs", inputs, number, batch, part, out_shardings=(self._rows, self._rows, whole)
        )
        x, passes, losses, stats, chain = self._through_blocks(layers, video, training)
        del video

        # What follows the blocks, forward and backward.
        wanted = (last.trainable, x if passes else None, losses)
        others = (last.frozen, None if passes else x, text, targets, training)
        after = functools.partial(functions.after, recipe)
        of_batch, (of_last, dx, d_losses) = self._programs(
            "after", after, wanted, others, out_shardings=(whole, _where(wanted))
        )
        del wanted, others, x

        # Backward. What is held for a block is freed when it is done.
        grads: list[Arrays] = [{} for _ in layers]
        grads[-1] = of_last
        for i, d_loss in reversed([*enumerate(d_losses, recipe.frozen_blocks + 1)]):
            held = chain.pop()
            if jax.tree.leaves(held.wanted):
                grads[i], dx = self._backward(held, (dx, d_loss))
        if layers[0].trainable:
            grads[0] = self._backward(chain.pop(), dx)
        return Means(grads, *of_batch), stats

    def _through_blocks(
        self, layers: list[Layer], video: Any, training: Any
    ) -> tuple[Any, bool, list[Any], list[Arrays], list[_Held]]:
        """The forward pass up to the last block.

        Returned are its tokens, whether their gradient is asked for, the losses of the blocks that
        train, the running statistics by layer, and what is held for the backward passes.
        """
        config, frozen = self._recipe.config.model, self._recipe.frozen_blocks
        stats = [layer.stats for layer in layers]
        fixed = [layers[0].frozen, *(layer.frozen for layer in layers[1 : frozen + 1])]
        before = functools.partial(functions.before, config, frozen)
        others: Any = (_joined(fixed), _joined(stats[: frozen + 1]), video)
        x, _, held = self._forward(0, before, layers[0].trainable, others, self._rows)
        # Where nothing before a block trains, nobody asks for the gradient of its tokens.
        passes = bool(layers[0].trainable)
        losses, chain = [], [held]
        for i in range(frozen + 1, len(layers) - 1):
            layer = layers[i]
            block = functools.partial(functions.block, config, self._layers.alike[i] - 1)
            wanted = (layer.trainable, x if passes else None)
            others = (layer.frozen, layer.stats, None if passes else x, training)
            where = (self._rows, self._whole)
            (x, loss), stats[i], held = self._forward(i, block, wanted, others, where)
            losses.append(loss)
            chain.append(held)
            passes = passes or bool(layer.trainable)
        return x, passes, losses, stats, chain

    def _forward(
        self, layer: int, function: Any, wanted: Any, others: Any, where: Any
    ) -> tuple[Any, Any, _Held]:
        """What a layer's function gives, and what its backward pass takes. where: of outputs."""
        name = self._name(layer)
        if name not in self._halves:
            self._halves[name] = halves(function, wanted, others)
        forward = self._halves[name].forward
        outputs, aside, kept = self._programs(
            f"{name}_forward", forward, wanted, others, out_shardings=(where, self._whole, None)
        )
        return outputs, aside, _Held(name, wanted, others, kept)

    def _backward(self, held: _Held, outputs: Any) -> Any:
        """The gradients of what is wanted of a layer, from those of its outputs."""
        name, wanted, *given = held
        backward = self._halves[name].backward
        return self._programs(
            f"{name}_backward", backward, wanted, *given, outputs, out_shardings=_where(wanted)
        )

    def _advance(
        self,
        state: State,
        variables: list[Layer],
        means: Means,
        stats: list[Arrays],
        batch: dict[str, Array],
    ) -> tuple[State, StepOutput]:
        """The state after the step.

        variables: of the state. means, stats: of the whole batch, by layer.
        """
        programs, recipe, layers = self._programs, self._recipe, self._layers
        number, whole = state["step"], self._whole
        norms = [
            programs(f"{self._name(i)}_norms", functions.norms_of, grads, out_shardings=whole)
            for i, grads in enumerate(means.grads)
            if grads
        ]
        judge = functools.partial(functions.judged, recipe)
        verdict, gradient_norm_of = programs(
            "verdict", judge, number, means.losses.total, norms, out_shardings=whole
        )
        (moments, rest), ema = layers.moments(state["opt_state"]), layers.by_layer(state["ema"])
        own = [
            Own(of.trainable, of.stats, of_optimizer, average)
            for of, of_optimizer, average in zip(variables, moments, ema, strict=True)
        ]
        before = Shared(number, state["skipped"], state["skipped_in_row"], rest)
        after, update_norms = before, []
        for i, new in enumerate(stats):
            # Statistics change without a gradient where all parameters of a block are frozen.
            if not (means.grads[i] or (new and i > recipe.frozen_blocks)):
                continue
            update = functools.partial(functions.update, recipe, layers, layers.alike[i])
            own[i], after, norms_of_update = programs(
                f"{self._name(i)}_update",
                update,
                own[i],
                before,
                means.grads[i],
                new,
                verdict,
                out_shardings=(_where(own[i]), whole, whole),
                donate=(0,),
            )
            update_norms.append(norms_of_update)
        rows = {name: batch[name] for name in batch.keys() - {"video", "label"}}
        output: StepOutput = programs(
            "report",
            functools.partial(functions.report, recipe),
            number,
            (means.losses, means.top1),
            verdict,
            gradient_norm_of,
            update_norms,
            after,
            rows,
            out_shardings=whole,
        )
        params = by_path(state["params"]) | layers.by_own_path([of.params for of in own])
        new_state = State(
            step=after.step,
            params=from_paths(params),
            batch_stats=from_paths(layers.by_own_path([of.stats for of in own])),
            opt_state=layers.of_moments([of.moments for of in own], after.moments),
            ema=from_paths(layers.by_own_path([of.ema for of in own])),
            skipped=after.skipped,
            skipped_in_row=after.skipped_in_row,
        )
        return new_state, output

    def _name(self, layer: int) -> str:
        """What the programs of a layer are called: of a block, by the first that has the same."""
        first, last = self._layers.alike[layer], len(self._layers.alike) - 1
        return "before" if first == 0 else f"block{first - 1}" if first < last else "after"

    def as_text(self) -> str:
        """The optimised programs, one after the other."""
        return self._programs.as_text()

    def at_peak(self) -> tuple[Any, list[Any]]:
        """The program that runs when most memory is in use, and what others have given by then."""
        return at_peak(self._programs)

    def memory_analysis(self) -> MemoryAccount:
        """Bytes on a device: of what is given, and of what there is beside it at most."""
        return memory_account(self._programs, self._given, state=self._given[0])


def _joined(layers: list[Arrays]) -> Arrays:
    """The arrays of several layers, whose names differ."""
    return {name: value for layer in layers for name, value in layer.items()}


def _where(tree: Any) -> Any:
    """Where the arrays of a tree lie."""
    return jax.tree.map(lambda x: x.sharding, tree)
