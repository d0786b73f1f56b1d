"""The runs of a protocol one after the other. What is done is kept, and not done twice."""

from ila_jax.data.sources.video_files import tell
from ila_jax.files.lock import only_writer
from ila_jax.job.processes import say
from ila_jax.protocol import plan, results, zero_shot
from ila_jax.protocol.cells import keep_cell
from ila_jax.protocol.options import Folder, Options
from ila_jax.protocol.plan import Run
from ila_jax.protocol.training import train_and_measure
from ila_jax.tables import render


def run_protocol(options: Options) -> bool:
    """Prints the plan, does what is left of it, and writes and prints the results.

    Returns False when a signal has stopped it before.
    Errors: ValueError, OSError, RuntimeError in plain words.
    """
    folder = Folder(options.workdir)
    folder.check(options)
    busy = f"another process is at work in {folder.path}: stop it, or give another --workdir"
    with only_writer(folder.path, busy):
        runs = plan.plan_runs(options, folder)
        tell([note for run in runs for note in run.notes])
        print(render([plan.table(runs)], markdown=False), flush=True)
        if options.plan:
            print("\nNothing was trained or measured. Without --plan, the same command does it.")
            return True
        for run in runs:
            if not run.done and not _do(run, options, folder):
                return False
            results.publish(folder, results.collect(options, folder, runs))
        print(
            "\n" + render([results.table(results.collect(options, folder, runs))], markdown=False)
        )
        print(f"\nwritten: {folder.table}, {folder.results}")
        return True


def _do(run: Run, options: Options, folder: Folder) -> bool:
    """Does what is left of a run; False when it was stopped, after having said so."""
    say(f"{run.row}, {run.column}: {run.folder}")

    # Not before the weights are read: a misspelt option would lock the folder.
    def remember() -> None:
        folder.remember(options)
        keep_cell(run.folder, run.cell)

    if run.training is None:
        return zero_shot.measure(run, options, remember)
    return train_and_measure(run, run.training, options, remember)
