"""Which clips were cut from one source video, as far as the names of their files say it."""

import re
from collections import Counter
from collections.abc import Sequence

from ila_jax.data.check.duplicates import recording
from ila_jax.data.sources.video_files import stem

_MOST = 0.25  # of all clips: a larger group is no source video, but what all files are called
# Names of known data sets, of which the groups in brackets are the source video.
_DATA_SETS = [
    re.compile(pattern)
    for pattern in (
        r"(v_\w+_g\d+)_c\d+",  # UCF-101: v_Archery_g01_c02
        r"(.+)_[fuhl]_(?:cm|nm)_np\d_(?:fr|ba|le|ri)_(?:bad|med|goo)_\d+",  # HMDB-51
        r"(P\d{2}_\d{2,3})_.+",  # EPIC-KITCHENS: P01_105_start_stop
        r"(person\d+)_\w+",  # KTH: person01_boxing_d1_uncomp
        r"(S\d{3})C\d{3}(P\d{3})R\d{3}A\d{3}.*",  # NTU RGB+D: one performer in one room
        r"([\w-]{11})_\d{5}",  # Diving48: an id of YouTube and a number
    )
]
# NAME_3, NAME-clip3, NAME part 03, NAME (2); and NAME_100_250, from and to.
_FROM_TO = re.compile(r"(.*\d.*?)[ _.-](\d{3,})[_-](\d{3,})")
_PART = re.compile(
    r"(.*\d.*?)[ _.-]+(?:\(\d+\)|(?:c|clip|part|shot|seg|segment|take)?[ _.-]?\d+)", re.IGNORECASE
)


def source_videos(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The source video of each clip by its file's name, "" where it names none; and sentences.

    A name with a number in it and another number behind it, such as `scene012_3`, is taken for a
    source video and a clip of it. Where that would make one source video of a great part of all
    files (`cam1_0001` to `cam1_0500`), such names say nothing, and a sentence says so.
    """
    names = [_in_a_data_set(stem(file)) for file in files]
    parts = ["" if name else _of_parts(stem(file)) for name, file in zip(names, files, strict=True)]
    notes = []
    for name, count in Counter(filter(None, parts)).most_common(1):
        if count > max(_MOST * len(files), 2):
            notes.append(
                f"{count} of {len(files)} files are called {name} and a number: names are not "
                "taken to tell which clips come from one source video. If they do, give the list "
                "a column `group`"
            )
            parts = [""] * len(files)
    return [name or part for name, part in zip(names, parts, strict=True)], notes


def _in_a_data_set(name: str) -> str:
    """The source video by the names of known data sets, or ""."""
    for pattern in _DATA_SETS:
        if match := pattern.fullmatch(name):
            return " ".join(match.groups())
    # An id that is no path is given back as it is: only what is cut from the name is a video.
    video = recording(name)
    return video if video is not None and video != name else ""


def _of_parts(name: str) -> str:
    """What stands before a clip's number, or its first and last, in a name; "" where none does."""
    times = _FROM_TO.fullmatch(name)
    if times and int(times[2]) < int(times[3]):
        return times[1]
    part = _PART.fullmatch(name)
    return part[1] if part else ""
