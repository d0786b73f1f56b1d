"""Training clips by number. Here a video that cannot be read is replaced by another of its class.

Which one takes its place is decided in `replacement.py`. What was wrong with it travels to the main
process inside the batch, where `quarantine.py` lists it.
"""

from functools import partial

import numpy as np

from ila_jax.data.clips.element import element
from ila_jax.data.clips.order import TrainOrder, element_generator
from ila_jax.data.clips.reading import VideoReader
from ila_jax.data.clips.recipe import ClipRecipe
from ila_jax.data.clips.replacement import MAX_TRIES, Replacements
from ila_jax.data.sources.source import ground_truth
from ila_jax.data.video.bad import BadVideo


class TrainClips:
    """Training elements by number, for Grain: a pure function of seed, position and files."""

    def __init__(
        self,
        reader: VideoReader,
        recipe: ClipRecipe,
        order: TrainOrder,
        *,
        first: int,
        count: int,
        replace: bool,
    ) -> None:
        """first, count: which positions of this process's order are the elements 0 … count-1.

        replace: whether a video that cannot be read is replaced; otherwise it ends the run.
        """
        self._read, self._source = reader, reader.source
        self._recipe, self._order = recipe, order
        self._first, self._count, self._replace = first, count, replace
        self._replacements = Replacements(reader.source)
        self._truth = ground_truth(reader.source)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: int) -> dict[str, np.ndarray]:
        """The clip at a position, as `pipeline.train_batches` describes it, without the batch axis.

        Errors: ValueError where no video of the class can be read; BadVideo if nothing is replaced.
        """
        epoch, draw = self._order(self._first + int(position))
        example = draw % len(self._source)
        bad: list[tuple[int, int]] = []
        problems: list[BadVideo] = []
        for index in self._replacements.candidates(example):
            # A new generator for each try, seeded by the draw that was asked for: what it gives
            # does not depend on how far a bad file was read before it failed.
            rng = element_generator(self._order.seed, epoch, draw)
            try:
                video, short = self._read(index, partial(self._recipe.train_clip, rng=rng))
            except BadVideo as error:
                if not self._replace:
                    raise error.of(self._source.name(index)) from error
                bad.append((index, error.reason))
                problems.append(error)
                continue
            # The label of the video that is shown, not of the one that was asked for.
            return element(video, self._truth[index], index, short, bad, MAX_TRIES)
        raise self._replacements.none_left(example, problems)
