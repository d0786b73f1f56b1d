"""Preparing on a cluster: the units of `shards` done by Apache Beam's workers."""

from collections.abc import Generator, Sequence
from typing import Any

from etils import epath

from ila_jax.data.prepare.shards import FinishedShard, ShardWriter, Unit, read_finished


def require() -> tuple[Any, Any]:
    """Apache Beam, and its class of options. Errors: RuntimeError where it is not installed."""
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError:
        raise RuntimeError(
            "preparing on Beam needs Apache Beam, which is not installed: pip install "
            "'ila-jax[beam]', here and on the workers"
        ) from None
    return beam, PipelineOptions


def run(
    writer: ShardWriter, todo: Sequence[Unit], options: Sequence[str]
) -> Generator[tuple[Unit, FinishedShard]]:
    """(unit, its finished shard) of all units, after the pipeline has ended.

    options: of the pipeline, as Beam's commands take them; without `--runner` Beam's own local one.
    All workers must reach the source and the folder by the same names. Beam does a failed unit
    again, some times. Errors: RuntimeError without apache-beam, or whatever the pipeline raises.
    """
    beam, pipeline_options = require()
    if todo:
        with beam.Pipeline(options=pipeline_options(list(options))) as pipeline:
            # With Reshuffle, or one worker does all units, fused to the step that lists them.
            _ = pipeline | beam.Create(list(todo)) | beam.Reshuffle() | beam.Map(_do, writer)
    # What a worker returns stays with Beam: what it has written is read instead.
    for unit in todo:
        shard = read_finished(epath.Path(writer.directory), unit)
        if shard is None:
            raise RuntimeError(f"the pipeline ended without writing shard {unit.shard}")
        yield unit, shard


def _do(unit: Unit, writer: ShardWriter) -> None:
    # Nothing is skipped: a video that ends its worker is Beam's to try again.
    writer(unit, {}, lambda index: None)
