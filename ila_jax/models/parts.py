"""The parts of a model, told apart by the paths of its parameters, such as `head/fc/kernel`.

The naming rule of what is new: a temporal model adds its parameters inside CLIP's image tower, and
only the name tells them from CLIP's own. A module has to be called `temporal`, or end in it, and a
bare parameter has to end in `temporal_embedding`. Under any other name it counts as a part of
CLIP's tower, in the tables of learning rates (train/parameter_groups.py) as well.
"""

import re

# What a temporal model adds to CLIP's image tower, in its blocks or beside them.
TEMPORAL_PATH = r"visual/.*temporal(/.*|_embedding)"

# The first match names the part of a path: what a temporal model adds lies inside the tower's
# paths, and so has to come before the tower.
PARTS = {
    "temporal": TEMPORAL_PATH,
    "tower": r"visual/.*",
    "mit": r"mit/.*",
    "head": r"head/.*",
    "text": r"text/.*",
}


def part_of(path: str) -> str:
    """The part of the model, a key of PARTS, that the parameter of a path belongs to.

    Errors: ValueError for a path of no part.
    """
    for part, pattern in PARTS.items():
        if re.fullmatch(pattern, path):
            return part
    raise ValueError(
        f"the parameter {path} belongs to no part of the model, of {', '.join(PARTS)}: "
        "add a row to PARTS in ila_jax/models/parts.py"
    )
