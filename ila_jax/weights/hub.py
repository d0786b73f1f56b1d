"""Folders of weights on the Hugging Face hub, through its own cache."""

from pathlib import Path

PREFIX = "hf://"
# Our own folders, and those of Hugging Face and open_clip; not the copies for other frameworks.
_WANTED = [
    "model.json",
    "weights/*",
    "config.json",
    "open_clip_config.json",
    "*.safetensors",
    "*.safetensors.index.json",
]


def fetch(source: str) -> Path:
    """The local copy of `hf://owner/name`: downloaded, or without a network from the cache.

    Errors: ValueError in a sentence; ImportError names the extra that is missing.
    """
    name = source.removeprefix(PREFIX)
    if name.count("/") != 1 or not all(name.split("/")):
        raise ValueError(f"{source}: expected hf://OWNER/NAME")
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError(
            f"{source} needs huggingface_hub, which is not installed: pip install 'ila-jax[hub]'"
        ) from error
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_WANTED))
    except Exception as error:  # the hub raises types of several libraries
        try:
            cached = huggingface_hub.snapshot_download(
                name, allow_patterns=_WANTED, local_files_only=True
            )
            return Path(cached)
        except Exception:
            raise ValueError(
                f"{source} is not in the cache and cannot be fetched ({_first_line(error)}). "
                "Connect to the network, or name a folder on this machine; a repository that does "
                "not exist, or is private, looks the same"
            ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]
