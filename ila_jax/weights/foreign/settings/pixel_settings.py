"""What a folder says its model's pixels were normalised with.

How it resized pictures is not heeded, and told where it is unusual: frames of videos are resized as
everywhere here. Defaults are those of open_clip's `PreprocessCfg` and of `CLIPImageProcessor`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ila_jax.config import CLIP_PIXELS, Normalisation
from ila_jax.files.json_files import read_object
from ila_jax.weights.foreign.settings.tables import (
    Honoured,
    Only,
    Table,
    Told,
    inert,
    problems_of,
    section,
    told_of,
)

# Of transformers: file, and the key of its section; None where the whole file is it.
FILES = {"preprocessor_config.json": None, "processor_config.json": "image_processor"}
_WHITE = 255.0
_OPEN_CLIP: Table = {
    "mean": Honoured(None),
    "std": Honoured(None),
    "mode": Only("RGB", ("RGB",)),
    "interpolation": Told("bicubic"),
    "resize_mode": Told("shortest"),
    **inert("open_clip takes the image tower's", "size"),
    **inert("of another resize_mode", "fill_color"),
}
_TRANSFORMERS: Table = {
    **dict.fromkeys(
        ("image_mean", "image_std", "do_normalize", "do_rescale", "rescale_factor"), Honoured(None)
    ),
    "do_resize": Told(True),
    "do_center_crop": Told(True),
    "default_to_square": Told(False),
    "use_square_size": Told(False),
    "do_pad": Told(False),
    "auto_map": Only(None, (None,)),
    # PIL's filters by number; CLIP has 3, bicubic, and X-CLIP 2, bilinear.
    **inert("frames are resized as those of every video here", "resample", "size", "crop_size",
            "crop_pct", "pad_size"),
    **inert("frames are chosen by the reader", "do_sample_frames", "num_frames", "fps",
            "return_metadata", "video_metadata"),
    **inert("frames are RGB", "do_convert_rgb"),
    **inert("of what a call takes and returns", "data_format", "input_data_format", "device",
            "return_tensors", "disable_grouping", "_valid_processor_keys"),
    **inert("names a class", "image_processor_type", "feature_extractor_type",
            "video_processor_type", "processor_class", "_processor_class"),
}  # fmt: skip


def of_open_clip(
    settings: Mapping[str, Any], problems: list[str], notes: list[str]
) -> Normalisation:
    """Of `preprocess_cfg`; CLIP's own where it leaves them out. Appends to `problems`, `notes`."""
    given = section(settings, "preprocess_cfg", "open_clip_config.json")
    given = {key: value for key, value in given.items() if value is not None}  # so open_clip does
    problems += problems_of(given, _OPEN_CLIP, "preprocess_cfg.")
    notes += told_of(given, _OPEN_CLIP, "preprocess_cfg.")
    values = {
        key: _channels(given.get(key), _WHITE, f"preprocess_cfg.{key}", problems)
        for key in ("mean", "std")
    }
    return _normalisation(values["mean"], values["std"], "preprocess_cfg.std", problems)


def of_transformers(folder: Path, problems: list[str], notes: list[str]) -> Normalisation | None:
    """Of the image processor beside `config.json`; None where there is none."""
    for name, part in FILES.items():
        if not (folder / name).is_file():
            continue
        found = read_object(folder / name, set(), "an image processor's description")
        given = found if part is None else found.get(part)
        if isinstance(given, Mapping):
            given = {key: value for key, value in given.items() if value is not None}
            problems += problems_of(given, _TRANSFORMERS, f"{name}: ")
            notes += told_of(given, _TRANSFORMERS, f"{name}: ")
            return _of_processor(given, name, problems)
    return None


def _of_processor(given: Mapping[str, Any], file: str, problems: list[str]) -> Normalisation:
    """As CLIPImageProcessor computes: value · rescale_factor, less image_mean, by image_std."""
    factor = given.get("rescale_factor", 1 / _WHITE) if given.get("do_rescale", True) else 1.0
    if not _is_number(factor) or factor <= 0:
        problems.append(f"{file}: rescale_factor is {factor!r}, expected a positive number")
        factor = 1 / _WHITE
    if not given.get("do_normalize", True):
        return Normalisation(mean=(0.0, 0.0, 0.0), std=_three(1 / factor))
    values = {
        key: _channels(given.get(key), 1 / factor, f"{file}: {key}", problems)
        for key in ("image_mean", "image_std")
    }
    return _normalisation(values["image_mean"], values["image_std"], f"{file}: image_std", problems)


Channels = tuple[float, float, float]


def _normalisation(
    mean: Channels | None, std: Channels | None, key: str, problems: list[str]
) -> Normalisation:
    std = CLIP_PIXELS.std if std is None else std
    if min(std) <= 0:
        problems.append(f"{key} has a number that is not positive: pixels are divided by it")
    return Normalisation(mean=CLIP_PIXELS.mean if mean is None else mean, std=std)


def _channels(value: Any, white: float, key: str, problems: list[str]) -> Channels | None:
    """Three numbers on the scale 0 to 255; one stands for all. None where it is not given."""
    if value is None:
        return None
    three = [value] * 3 if _is_number(value) else value
    if isinstance(three, list | tuple) and len(three) == 3 and all(map(_is_number, three)):
        # Eight digits behind the point: 0.485 times 255 is 123.675, and not a bit less.
        red, green, blue = (round(number * white, 8) for number in three)
        return red, green, blue
    problems.append(f"{key} is {value!r}, expected three numbers, for red, green and blue")
    return None


def _three(value: float) -> Channels:
    return value, value, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
