"""How prepared videos are encoded, as the options of the command say it."""

from dataclasses import dataclass

# Of x264, from the fastest to the slowest.
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower")


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How videos are encoded.

    short_side: in pixels; smaller videos are not enlarged. key_frames: one every so many frames,
    each closing its group, so that decoding can start there. crf: x264's constant quality, 0
    (lossless) to 51; 23 is its own default. preset: x264's, the slower the smaller the file.
    Errors: ValueError that names every value that cannot be.
    """

    short_side: int
    key_frames: int
    crf: int
    preset: str

    def __post_init__(self) -> None:
        problems = [
            f"{name} is {value}: expected {expected}"
            for name, value, fine, expected in (
                ("short_side", self.short_side, self.short_side >= 16 and self.short_side % 2 == 0,
                 "an even number, 16 or more"),
                ("key_frames", self.key_frames, self.key_frames >= 1, "1 or more"),
                ("crf", self.crf, 0 <= self.crf <= 51, "0 to 51"),
                ("preset", self.preset, self.preset in PRESETS, ", ".join(PRESETS)),
            )
            if not fine
        ]  # fmt: skip
        if problems:
            raise ValueError("; ".join(problems))
