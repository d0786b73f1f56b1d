"""Compiled programs are kept in the user's cache folder, and the next start finds them there.

The keys are jax's: a program, the version of jaxlib, the devices and the compiler's flags. They do
not tell one kind of processor from another, so each kind has a folder of its own.
"""

import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

from ila_jax.files.writable import check_writable

# Of all entries together, in bytes; jax deletes those that were not used for longest. By itself it
# sets no limit, and every change of a configuration, of the code or of jaxlib adds entries. The
# training step of a model of one block takes 1 MB, so this keeps the programs of many models, and
# is less than one checkpoint of a large one.
LIMIT = 2 << 30


def use_compilation_cache(*, no_cache: bool, speaks: bool = True) -> None:
    """Makes jax keep the programs that it compiles from now on, unless it does so already.

    A folder that jax was told before, as by JAX_COMPILATION_CACHE_DIR, stays. no_cache: neither
    read nor write any. speaks: says on stderr, once, where the programs are; of several processes
    one should.
    """
    import jax

    config: Any = jax.config  # whose options have no types
    if no_cache:
        config.update("jax_enable_compilation_cache", False)
    elif config.jax_compilation_cache_dir is None and config.jax_enable_compilation_cache:
        try:
            folder = cache_folder()
            is_new = _open(folder)
        # Without a home, on a full disk, in a container that cannot write: it is slower, no more.
        except RuntimeError as error:
            reason = str(error).rstrip(".")
            _say(
                f"compiled programs are not kept for the next start: {reason} "
                "(JAX_COMPILATION_CACHE_DIR names another folder)",
                speaks,
            )
            return
        config.update("jax_compilation_cache_max_size", LIMIT)
        config.update("jax_compilation_cache_dir", str(folder))
        if is_new:
            _say(f"compiled programs are kept in {folder.parent} (not with --no-cache)", speaks)


def cache_folder() -> Path:
    """The folder of compiled programs. Errors: RuntimeError where the user has no home."""
    # A path that is not absolute is to be ignored, says the XDG Base Directory Specification.
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return base / "ila_jax" / "compiled" / processor_kind()


def processor_kind() -> str:
    """16 hexadecimal digits for the kind of this machine's processor and all that it can compute.

    XLA compiles for the processor that it runs on. Where a home is shared by unlike machines, one
    would else be given instructions that it does not have, and end with SIGILL.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # no Linux
        lines = []
    # x86 lists its instructions as flags, Arm as Features, once for each core.
    abilities = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    kind = f"{platform.machine()} {platform.processor()} {abilities}"
    return hashlib.sha256(kind.encode()).hexdigest()[:16]


def _open(folder: Path) -> bool:
    """Makes the folder, and says whether it is new. Errors: RuntimeError if it is not to be had."""
    is_new = not folder.is_dir()
    try:
        check_writable(folder)
        # For the user alone: a compiled program is run as it is, whoever wrote it.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise RuntimeError(f"{folder.parent} cannot be written to") from error
    # A process that was killed while it wrote leaves an entry without the time of its last use.
    # It may be cut off, and jax could not order the others by age.
    for entry in folder.glob("*-cache"):
        if not entry.with_name(entry.name.removesuffix("-cache") + "-atime").exists():
            entry.unlink(missing_ok=True)
    return is_new


def _say(text: str, speaks: bool) -> None:
    if speaks:
        print(text, file=sys.stderr)
