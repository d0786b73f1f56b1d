"""The stages of a fine-tuning, in their order. Each leaves what it made, and is not done twice."""

from collections.abc import Sequence
from pathlib import Path

from ila_jax.config import Config, from_config, read_config
from ila_jax.data.sources.own_videos import OwnVideos
from ila_jax.data.sources.split_names import TEST
from ila_jax.data.split.findings import table as split_table
from ila_jax.data.split.splitting import Split, existing_split
from ila_jax.evaluate.calibrate import StoredTemperature, calibrate
from ila_jax.evaluate.evaluator import evaluate
from ila_jax.evaluate.results import read_result
from ila_jax.evaluate.subject import open_subject
from ila_jax.files.lock import only_writer
from ila_jax.files.publish import publish_text
from ila_jax.finetune import card, decisions
from ila_jax.finetune import videos as own
from ila_jax.finetune.configuration import make_configuration, write_configuration
from ila_jax.finetune.memory import fit_memory
from ila_jax.finetune.options import Folder, Options
from ila_jax.finetune.origin import prepare_origin
from ila_jax.job.processes import say
from ila_jax.scoring.temperature import NoTemperature
from ila_jax.tables import render
from ila_jax.train.loop import train


def finetune(videos: OwnVideos, options: Options) -> bool:
    """Does what is left to do, up to the model card; says what it decides before it does it.

    Returns False when a signal has stopped it before the card.
    Errors: ValueError, OSError, RuntimeError in plain words.
    """
    folder = Folder(options.workdir)
    folder.check(options)
    busy = f"another process is fine-tuning into {folder.path}: stop it, or give another --workdir"
    with only_writer(folder.path, busy):
        split = own.split(videos, options, folder)
        print(_described(split), flush=True)
        if not folder.training_began:
            _decide(options, folder)
        if options.plan:
            print(f"\nNothing was trained. Edit {folder.split} if you like; without --plan, the "
                  "same command takes it as it is, and trains.")  # fmt: skip
            return True
        if not folder.training_began:
            folder.remember_all(options)
        # As it is in its file: the card is the same, however often the command was stopped.
        return _train_and_measure(folder, videos)


def _described(split: Split) -> str:
    """A split for people: a table, then what is to be said of it."""
    videos = split.videos
    lines = [render([split_table(videos.clips, videos.class_names)], markdown=False)]
    lines += [f"note: {note}" for note in split.notes]
    return "\n".join([*lines, *(f"warning: {sentence}" for sentence in split.warnings)])


def _decide(options: Options, folder: Folder) -> None:
    """Checks the videos, makes weights and configuration, and prints all that was decided."""
    splits = own.open_split_file(folder)
    origin = prepare_origin(
        options, folder, splits.class_names, several_labels=splits.several_labels
    )
    config, made = make_configuration(options, folder, origin, splits)
    # After what costs nothing: options that make no run are told before videos are decoded.
    for sentence in own.checked(splits, options).warnings:
        print(f"warning: {sentence}")
    config, about_memory = fit_memory(
        config,
        {key for key, _ in options.overrides},
        options.device_memory,
        videos=len(splits.train.source),
        classes=len(splits.class_names),
    )
    made += [about_memory]
    made += [decisions.Decision(f"config.{key}", repr(value), decisions.ASKED)
             for key, value in options.overrides]  # fmt: skip
    if origin.pretrained is None:
        print(f"warning: {card.FROM_NOISE}")
    write_configuration(config, folder.config)
    print("\n" + render([decisions.table(made)], markdown=False))
    print(f"\nwritten: {folder.split}, {folder.config}", flush=True)


def _train_and_measure(folder: Folder, videos: OwnVideos) -> bool:
    """Trains, evaluates, calibrates and describes, as far as that is not done yet.

    Returns False when a signal has stopped it.
    """
    split = existing_split(folder.split, videos)
    config = from_config(read_config(str(folder.config)))
    if not train(config, folder.run):
        return False
    sides = [(folder.evaluation, "validation")]
    if any(clip.split == TEST for clip in split.videos.clips):
        sides.append((folder.test, TEST))
    for place, side in sides:
        if not evaluate(open_subject(_on(config, folder, side), str(folder.run)), place):
            return False
    temperature = _temperature(folder.evaluation, config)
    results = {side: read_result(place) for place, side in sides}
    publish_text(folder.card, card.card(folder, videos.where, config, split, results, temperature))
    print("\n".join(["", *card.summary(results), *_next(folder)]))
    return True


def _on(config: Config, folder: Folder, side: str) -> Config:
    """The configuration with a side of the split in the place of validation."""
    import dataclasses

    data = dataclasses.replace(config.data, validation=f"split:{folder.split}@{side}")
    return dataclasses.replace(config, data=data)


def _temperature(evaluation: Path, config: Config) -> StoredTemperature | str:
    """The temperature, which is kept beside the checkpoint; or why there is none, in words."""
    if config.model.probabilities == "sigmoid":
        return "one temperature is for classes that exclude each other"
    try:
        stored = calibrate(evaluation)
    except NoTemperature as error:
        say(f"no temperature: {error}")
        return str(error.__cause__ or error)
    say(str(stored))
    return stored


def _next(folder: Folder) -> Sequence[str]:
    return [
        f"written: {folder.card}, {folder.evaluation / 'report.html'}",
        "",
        f"name videos:  python -m ila_jax.predict {folder.run} VIDEO.mp4",
        f"try it out:   python -m ila_jax.serve {folder.run}",
    ]
