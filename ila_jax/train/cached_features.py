"""Computes once what a frozen image tower gives for fixed clips of every video of a run.

The numbers are those of the model as it validates: batch norms by their running statistics, pixels
without augmentation. Where it was stopped it goes on, batch for batch as undisturbed.
"""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from jax.sharding import Mesh

from ila_jax.config import Config, ModelConfig, to_dict
from ila_jax.data.clips.pipeline import Batch
from ila_jax.data.sources.fingerprint import ordered_fingerprint
from ila_jax.data.sources.source import VideoSource, ground_truth
from ila_jax.files.counts import count_of
from ila_jax.job.batches import fixed_view_batches, fixed_views
from ila_jax.job.one_ahead import one_ahead
from ila_jax.job.processes import progress_bar, say
from ila_jax.job.sharding import put_batch, replicated
from ila_jax.models import model
from ila_jax.models.forward import pixels
from ila_jax.models.model import Variables
from ila_jax.models.vit import TowerTokens
from ila_jax.train.feature_files import CachedFeatures, FeatureFiles, Layout
from ila_jax.train.run import TrainingRun
from ila_jax.train.state import State
from ila_jax.weights.digest import digest

# Raised when the same settings would give other numbers: then nothing goes on in an old folder.
_FORMAT = 1
# What of a model's configuration the tower's numbers depend on; the head decides what is kept.
_OF_TOWER = (
    "size", "shape", "patch", "resolution", "temporal", "frames", "convolutions", "channels",
    "precision", "pixels", "head",
)  # fmt: skip


def cached_features(run: TrainingRun, workdir: Path, state: State) -> CachedFeatures | None:
    """The features of a run, in `workdir/features`, after what is missing is computed.

    None when the run was asked to stop before all were. Errors: ValueError where the folder holds
    features of other weights, clips or files, or where several processes train; OSError where the
    disk has no room; RuntimeError for too many bad videos.
    """
    if jax.process_count() > 1:
        raise ValueError(
            "data.cached_views is for one process, and this run has "
            f"{jax.process_count()}: start one, or set it to 0"
        )
    tower = Variables(*({"visual": tree.get("visual", {})} for tree in _of_model(state)))
    weights = digest(tower)
    splits = {"train": run.dataset.train, "validation": run.dataset.validation}
    files = {
        name: _files(
            run.config, source, _views(run.config, name), workdir / "features" / name, weights
        )
        for name, source in splits.items()
    }
    for name, source in splits.items():
        if not _fill(run, files[name], source, _views(run.config, name), state):
            return None
    return CachedFeatures(**files)


def _of_model(state: State) -> tuple[Any, Any]:
    return state["params"], state["batch_stats"]


def _views(config: Config, split: str) -> int:
    """How many clips of a video are kept: of validation its one clip."""
    return config.data.cached_views if split == "train" else 1


def _files(
    config: Config, source: VideoSource, views: int, folder: Path, weights: str
) -> FeatureFiles:
    """The files of a split, begun or as they are. Errors: as `FeatureFiles`."""
    values = to_dict(config.model)
    settings = {
        "format": _FORMAT,
        "weights": weights,
        "model": {key: values[key] for key in _OF_TOWER},
        "clips": dataclasses.asdict(fixed_views(config, views)),
        "files": ordered_fingerprint(
            [_file_key(source.name(index)) for index in range(len(source))], ground_truth(source)
        ),
    }
    return FeatureFiles(folder, Layout(len(source), views, _token_shapes(config)), settings)


def _file_key(name: str) -> str:
    """By what a file is known again: its name, and where it is one on the disk, size and time."""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return name
    return f"{name}\t{status.st_size}\t{status.st_mtime_ns}"


def _token_shapes(config: Config) -> TowerTokens:
    """Shapes and dtypes of the tokens of one clip."""
    side = config.model.geometry().resolution
    clip = jax.ShapeDtypeStruct((1, 1, config.model.frames, side, side, 3), jnp.uint8)
    tokens: TowerTokens = jax.eval_shape(
        lambda variables, video: _tokens(config.model, variables, video),
        model.abstract(config.model),
        clip,
    )
    return TowerTokens(*(jax.ShapeDtypeStruct(x.shape[2:], x.dtype) for x in tokens))


def _tokens(config: ModelConfig, variables: Variables, video: jax.Array) -> TowerTokens:
    """The tokens [b, v, …] of all views. video: uint8 [b, v, t, h, w, 3]."""
    clips = rearrange(video, "b v t h w c -> (b v) t h w c")
    tokens = model.tower_tokens(config, variables, pixels(config, clips))
    of_views = [rearrange(x, "(b v) ... -> b v ...", v=video.shape[1]) for x in tokens]
    return TowerTokens(*of_views)


def _fill(
    run: TrainingRun, files: FeatureFiles, source: VideoSource, views: int, state: State
) -> bool:
    """Computes the rows that are missing. False when the run was asked to stop before the last."""
    first, step = files.done, int(state["step"])
    if first == len(source):
        return True
    say(
        f"keeping what the frozen image tower gives for {len(source)} videos, "
        f"{count_of(views, 'clip', 'clips')} each"
        + (f", going on from video {first}" if first else "")
    )
    batches = fixed_view_batches(run.config, source, views, first=first)
    with closing(batches), progress_bar(first, len(source), "video") as bar:
        beating = run.heartbeat.validating(batches, lambda: step)
        for batch, tokens in _computed(run.config, run.mesh, state, beating):
            there = batch["index"] >= 0  # the rest fills the last batch
            rows = {name: batch[name][there] for name in ("index", "short", "bad")}
            reason = rows["bad"][:, 0, 1]
            kept = TowerTokens(*(np.asarray(x)[there] for x in tokens))
            files.write(rows["index"], kept, rows["short"], reason)
            run.list_bad(batch["bad"], source)
            bar.update(len(rows["index"]))
            if run.stop_asked() and files.done < len(source):
                return False
    return True


def _computed(
    config: Config, mesh: Mesh, state: State, batches: Iterable[Batch]
) -> Iterator[tuple[Batch, TowerTokens]]:
    """Each batch with its tokens, while the devices compute those of the next."""
    variables = Variables(*_of_model(state))
    compiled = jax.jit(
        lambda variables, video: _tokens(config.model, variables, video),
        out_shardings=replicated(mesh),
    )

    def begin(batch: Batch) -> tuple[Batch, TowerTokens]:
        video = put_batch(mesh, {"video": batch["video"]})["video"]
        return batch, compiled(variables, video)

    return one_ahead(begin, batches)
