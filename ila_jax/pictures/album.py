"""Several kinds of pictures together: as a folder, one picture, or a clip that plays."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ila_jax.pictures.files import write_gif, write_mp4, write_png
from ila_jax.pictures.sheet import Picture, Sheet, below, beside, drawn, played

Album = Mapping[str, Sequence[Sheet]]  # by kind, a sheet for each model or one for all
MOVING = {".gif": write_gif, ".mp4": write_mp4}
FILES = (".png", *MOVING)
STILL = "pairs"  # the kind that does not play: it shows two times at once


def write(album: Album, output: Path) -> list[Path]:
    """Writes a file of all kinds, or a folder: a PNG of each, and clips. Returns what it wrote.

    Errors: OSError.
    """
    if output.suffix in MOVING and not output.is_dir():
        MOVING[output.suffix](_moving(album), output)
        return [output]
    pictures = {kind: beside([drawn(sheet) for sheet in sheets]) for kind, sheets in album.items()}
    if output.suffix == ".png" and not output.is_dir():
        write_png(below(list(pictures.values())), output)
        return [output]
    output.mkdir(parents=True, exist_ok=True)
    paths = [output / f"{kind}.png" for kind in pictures]
    for picture, path in zip(pictures.values(), paths, strict=True):
        write_png(picture, path)
    clip = _moving(album)
    for suffix, write_clip in MOVING.items() if clip else ():
        paths.append(output / f"clip{suffix}")
        write_clip(clip, paths[-1])
    return paths


def _moving(album: Album) -> list[Picture]:
    """A picture for each frame: the kinds under each other, the models of each side by side."""
    kinds = [
        [beside(each) for each in zip(*map(played, sheets), strict=True)]
        for kind, sheets in album.items()
        if kind != STILL
    ]
    return [below(each) for each in zip(*kinds, strict=True)]
