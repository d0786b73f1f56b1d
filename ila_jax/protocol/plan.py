"""The runs that a protocol consists of, each with its clips, before any is begun."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ila_jax.data.class_names.classes import read_class_names
from ila_jax.data.sources.opening import open_source
from ila_jax.data.sources.published.parts import SPLITS, PublishedSplit
from ila_jax.data.sources.source import OpenedSplit
from ila_jax.evaluate.results import finished
from ila_jax.files.counts import count_of
from ila_jax.protocol import few_shot
from ila_jax.protocol.cells import Cell, columns
from ila_jax.protocol.options import Folder, Options
from ila_jax.protocol.protocols import SUPERVISED, ZERO_SHOT
from ila_jax.tables import Table

EVALUATION = "evaluation"  # the folder of it in that of a run


@dataclass(frozen=True)
class Training:
    """What a run is trained on. source: a name of videos. clips: how many. seed: of the training.

    class_names: the file of the names that the source's numbers stand for; None where it has its
    own. list_file: of few-shot the list, which is the source as well. notes: sentences about the
    training part, such as how many clips have no file.
    """

    source: str
    clips: int
    seed: int
    class_names: str | None
    list_file: Path | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Run:
    """One model, measured once: it becomes a cell of the table of results.

    folder: of all that it makes. cell: its place there. column: which of its row, as "split 1".
    training: None where nothing is trained. test: the name of the videos that it is measured on;
    test_clips: how many. classes: how many there are. notes: sentences about its videos, such as
    how many have no file.
    """

    folder: Path
    cell: Cell
    column: str
    training: Training | None
    test: str
    test_clips: int
    classes: int
    notes: Sequence[str]

    @property
    def row(self) -> str:
        """What it is a measurement of, as "4 clips a class"."""
        return self.cell.row

    @property
    def evaluation(self) -> Path:
        """The folder of its evaluation."""
        return self.folder / EVALUATION

    @property
    def configuration(self) -> Path:
        """The file of its configuration: that it is there says that training has begun."""
        return self.folder / "config.py"

    @property
    def kept_list(self) -> Path:
        """The few-shot list that it was begun with, a copy."""
        return self.folder / "list.csv"

    @property
    def done(self) -> bool:
        """Whether it is measured: of an evaluation the result is written last."""
        return finished(self.evaluation)


def plan_runs(options: Options, folder: Folder) -> list[Run]:
    """The runs in the order in which they are done; draws the few-shot lists that are not there.

    Errors: ValueError and OSError for lists and videos that cannot be used.
    """
    splits = [split for split in SPLITS[options.kind] if split.number in options.chosen_splits]
    runs = [run for split in splits for run in _runs(options, folder, split)]
    _check(runs)
    names = columns([run.cell for run in runs])
    return [replace(run, column=name) for run, name in zip(runs, names, strict=True)]


def _check(runs: Sequence[Run]) -> None:
    """Errors: ValueError for two runs in one folder, and for a list that was edited too late."""
    folders = Counter(run.folder for run in runs)
    for run in runs:
        if folders[run.folder] > 1:
            raise ValueError(
                f"{folders[run.folder]} runs would be in {run.folder}: expected each of --splits, "
                "--shots, --seeds and --lists once, and lists whose files have different names"
            )
        path = run.training.list_file if run.training and run.configuration.exists() else None
        if path and run.kept_list.exists() and path.read_bytes() != run.kept_list.read_bytes():
            raise ValueError(
                f"{path} was edited after its training had begun, with {run.kept_list}: give "
                "another --workdir, with the edited file in --lists"
            )


def _runs(options: Options, folder: Folder, split: PublishedSplit) -> Iterator[Run]:
    """The runs of one split of the data set."""
    test = _open(options, split.test)
    several_labels = test.source.targets is not None
    if several_labels and options.protocol != SUPERVISED:
        raise ValueError(
            f"a clip of {options.kind} has any number of classes, and {options.protocol} asks for "
            "the one class of each: expected the protocol supervised"
        )
    for row, training in _trainings(options, folder, split, test):
        yield Run(
            folder=folder.path / f"split{split.number}-{_name(row, training)}",
            cell=_cell(options, split.number, row, training, several_labels),
            column="",  # it depends on the other runs
            training=training,
            test=f"{options.source}@{split.test}",
            test_clips=len(test.source),
            classes=len(test.class_names),
            notes=[*test.notes, *(training.notes if training else [])],
        )


def _name(row: str, training: Training | None) -> str:
    """What a run's folder is called behind its split."""
    if training is None:
        return row
    stem, seed = (training.list_file.stem if training.list_file else row), f"-seed{training.seed}"
    # Drawn lists have it in their names already.
    return stem if stem.endswith(seed) else stem + seed


def _cell(
    options: Options, split: int, row: str, training: Training | None, several_labels: bool
) -> Cell:
    """The place of a run in the table of results."""
    stem = training.list_file.stem if training and training.list_file and options.lists else None
    seed, clips = (training.seed, training.clips) if training else (None, 0)
    return Cell(row, split, seed, stem, clips, several_labels)


def _trainings(
    options: Options, folder: Folder, split: PublishedSplit, test: OpenedSplit
) -> Iterator[tuple[str, Training | None]]:
    """What the runs of a split are trained on, each with its row of the table.

    test: what they are measured on.
    """
    if options.protocol == ZERO_SHOT or split.train is None:
        yield ZERO_SHOT, None
        return
    train = _open(options, split.train)
    if options.protocol == SUPERVISED:
        source, names = f"{options.source}@{split.train}", options.names_file
        for seed in options.seeds:
            yield SUPERVISED, Training(source, len(train.source), seed, names, notes=train.notes)
        return
    names = str(folder.lists / "classes.json")
    # Before there are lists: those of another data set must not be taken for this one's.
    folder.remember_lists(options)
    few_shot.keep_class_names(Path(names), train.class_names)
    for path, seed in _lists(options, folder, split, train):
        shots = few_shot.read_shots(path, train, test, options.videos)
        row = f"{count_of(shots, 'clip', 'clips')} a class"
        yield (
            row,
            Training(str(path), shots * len(train.class_names), seed, names, path, train.notes),
        )


def _lists(
    options: Options, folder: Folder, split: PublishedSplit, train: OpenedSplit
) -> Iterator[tuple[Path, int]]:
    """The few-shot lists of a split and their seeds: those that were given, or drawn ones.

    A drawn list that is there already is taken as it is, edited or not.
    """
    if options.lists:
        yield from itertools.product(
            (Path(path).absolute() for path in options.lists), options.seeds
        )
        return
    for shots in options.shots:
        for seed in options.seeds:
            path = folder.lists / f"split{split.number}" / f"{shots}-clips-seed{seed}.csv"
            if not path.exists():
                places = few_shot.draw(train, shots, seed=seed)
                few_shot.write_list(path, train, places, options.videos)
            yield path, seed


def _open(options: Options, part: str) -> OpenedSplit:
    """A part of the data set, with the classes that were asked for. Errors: as `open_source`."""
    names = None if options.names_file is None else read_class_names(options.names_file)
    return open_source(f"{options.source}@{part}", root=options.videos, class_names=names)


def table(runs: Sequence[Run]) -> Table:
    """The plan as people read it."""
    cells = [
        [
            run.row,
            run.column,
            str(run.training.clips) if run.training else "–",
            str(run.test_clips),
            str(run.classes),
            "done" if run.done else "begun" if run.folder.exists() else "to do",
        ]
        for run in runs
    ]
    header = ["", "", "clips to train on", "clips to measure on", "classes", ""]
    return Table("Plan", header, cells)
