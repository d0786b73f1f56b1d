"""Where converted weights are from."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What converted weights remember of their file, so that the way back is bit-equal.

    kind: of the file's model; "clip" when all but CLIP's part is fresh. integers: counters by
    official name. dtypes: by official name, where it was not float32. fresh: paths of parameters
    that the file did not hold.
    """

    kind: str = ""
    integers: Mapping[str, int] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
