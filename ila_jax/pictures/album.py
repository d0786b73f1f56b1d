"""Writes several kinds of pictures: as a folder, one picture, or a clip that plays."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ila_jax.pictures.files import write_gif, write_mp4, write_png
from ila_jax.pictures.sheet import Picture, Sheet, column_of, row_of, sheet_frames, sheet_picture

# By kind: a sheet for each model, or one for all of them.
Album = Mapping[str, Sequence[Sheet]]
MOVING = {".gif": write_gif, ".mp4": write_mp4}
FILES = (".png", *MOVING)
# The kind that does not play, as it shows two times at once.
STILL = "pairs"


def write(album: Album, output: Path) -> list[Path]:
    """Writes one file with all kinds, or a folder with a PNG of each kind and clips that play.

    Returns the paths of what it wrote. Errors: OSError.
    """
    # A folder may be called `clip.gif`: what already has the name decides.
    if output.suffix in MOVING and not output.is_dir():
        MOVING[output.suffix](_clip_pictures(album), output)
        return [output]
    pictures = {
        kind: row_of([sheet_picture(sheet) for sheet in sheets]) for kind, sheets in album.items()
    }
    if output.suffix == ".png" and not output.is_dir():
        write_png(column_of(list(pictures.values())), output)
        return [output]
    output.mkdir(parents=True, exist_ok=True)
    paths = [output / f"{kind}.png" for kind in pictures]
    for picture, path in zip(pictures.values(), paths, strict=True):
        write_png(picture, path)
    # Of nothing but pairs there is no clip to play.
    clip = _clip_pictures(album)
    for suffix, write_clip in MOVING.items() if clip else ():
        paths.append(output / f"clip{suffix}")
        write_clip(clip, paths[-1])
    return paths


def _clip_pictures(album: Album) -> list[Picture]:
    """A picture for each frame of a clip that plays.

    The kinds are under each other, and the models of each kind side by side.
    """
    kinds = [
        [row_of(tiles) for tiles in zip(*map(sheet_frames, sheets), strict=True)]
        for kind, sheets in album.items()
        if kind != STILL
    ]
    return [column_of(tiles) for tiles in zip(*kinds, strict=True)]
