"""Reads what a folder says that the pixels of its model were normalised with.

How the folder resizes pictures is not followed: frames of videos are resized in one way here. Where
the folder asks for something unusual, the report has a note. Defaults are those of open_clip's
`PreprocessCfg` and of transformers' `CLIPImageProcessor`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ila_jax.config import CLIP_PIXELS, Normalisation
from ila_jax.files.json_files import read_object
from ila_jax.weights.foreign.settings.tables import (
    Ignored,
    OneOf,
    Supported,
    Table,
    inert,
    notes_of,
    problems_of,
    section,
)

# The files of transformers' image processors, the first that exists is read: its name, and the key
# of the section in it; None where the whole file is the section.
FILES = {"preprocessor_config.json": None, "processor_config.json": "image_processor"}
_WHITE = 255.0  # means and deviations here are on the scale of uint8 pixels, in files on 0 to 1
_OPEN_CLIP: Table = {
    "mean": Supported(None),
    "std": Supported(None),
    "mode": OneOf("RGB", ("RGB",)),
    "interpolation": Ignored("bicubic"),
    "resize_mode": Ignored("shortest"),
    **inert("open_clip takes the image tower's", "size"),
    **inert("of another resize_mode", "fill_color"),
}
_TRANSFORMERS: Table = {
    **dict.fromkeys(
        ("image_mean", "image_std", "do_normalize", "do_rescale", "rescale_factor"), Supported(None)
    ),
    "do_resize": Ignored(True),
    "do_center_crop": Ignored(True),
    "default_to_square": Ignored(False),
    "use_square_size": Ignored(False),
    "do_pad": Ignored(False),
    "auto_map": OneOf(None, (None,)),
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
    """The normalisation in `preprocess_cfg`, or CLIP's own where the file leaves it out.

    Appends to `problems` and `notes`. Errors: ValueError where `preprocess_cfg` is no section.
    """
    # Null stands for the default, as in open_clip.
    values = _without_null(section(settings, "preprocess_cfg", "open_clip_config.json"))
    problems += problems_of(values, _OPEN_CLIP, "preprocess_cfg.")
    notes += notes_of(values, _OPEN_CLIP, "preprocess_cfg.")
    channels = {
        key: _channels(values.get(key), _WHITE, f"preprocess_cfg.{key}", problems)
        for key in ("mean", "std")
    }
    return _normalisation(channels["mean"], channels["std"], "preprocess_cfg.std", problems)


def of_transformers(folder: Path, problems: list[str], notes: list[str]) -> Normalisation | None:
    """The normalisation of the image processor next to `config.json`; None where there is none.

    Appends to `problems` and `notes`. Errors: ValueError for a file that is damaged.
    """
    for name, part in FILES.items():
        if not (folder / name).is_file():
            continue
        content = read_object(folder / name, set(), "an image processor's description")
        processor = content if part is None else content.get(part)
        # A processor_config.json of older versions has no image processor in it.
        if isinstance(processor, Mapping):
            values = _without_null(processor)
            problems += problems_of(values, _TRANSFORMERS, f"{name}: ")
            notes += notes_of(values, _TRANSFORMERS, f"{name}: ")
            return _of_processor(values, name, problems)
    return None


def _of_processor(values: Mapping[str, Any], file: str, problems: list[str]) -> Normalisation:
    """What CLIPImageProcessor computes, (pixel · rescale_factor - image_mean) / image_std, as ours.

    Ours has no factor, (pixel - mean) / std: mean and deviation are divided by it instead.
    """
    factor = values.get("rescale_factor", 1 / _WHITE) if values.get("do_rescale", True) else 1.0
    if not _is_number(factor) or factor <= 0:
        problems.append(f"{file}: rescale_factor is {factor!r}, expected a positive number")
        factor = 1 / _WHITE
    if not values.get("do_normalize", True):
        return Normalisation(mean=(0.0, 0.0, 0.0), std=_three(1 / factor))
    channels = {
        key: _channels(values.get(key), 1 / factor, f"{file}: {key}", problems)
        for key in ("image_mean", "image_std")
    }
    mean, std = channels["image_mean"], channels["image_std"]
    return _normalisation(mean, std, f"{file}: image_std", problems)


Channels = tuple[float, float, float]


def _normalisation(
    mean: Channels | None, std: Channels | None, key: str, problems: list[str]
) -> Normalisation:
    std = CLIP_PIXELS.std if std is None else std
    if min(std) <= 0:
        problems.append(f"{key} has a number that is not positive: pixels are divided by it")
    return Normalisation(mean=CLIP_PIXELS.mean if mean is None else mean, std=std)


def _channels(value: Any, white: float, key: str, problems: list[str]) -> Channels | None:
    """A file's value as three numbers on the scale of our pixels; None where it is not given.

    One number stands for all three. white: what the file's scale is multiplied with.
    """
    if value is None:
        return None
    three = [value] * 3 if _is_number(value) else value
    if isinstance(three, list | tuple) and len(three) == 3 and all(map(_is_number, three)):
        # Eight digits behind the point: 0.485 times 255 is 123.675, and not a bit less, so that a
        # file with ImageNet's numbers compares equal to our IMAGENET_PIXELS.
        red, green, blue = (round(number * white, 8) for number in three)
        return red, green, blue
    problems.append(f"{key} is {value!r}, expected three numbers, for red, green and blue")
    return None


def _without_null(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _three(value: float) -> Channels:
    return value, value, value


def _is_number(value: Any) -> bool:
    # True and False are numbers of Python, and none here.
    return isinstance(value, int | float) and not isinstance(value, bool)
