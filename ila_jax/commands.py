"""How every command starts and ends: Ctrl-C, a closed output, and errors in plain words."""

import logging
import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType, TracebackType
from typing import Any, NoReturn, TextIO

from ila_jax.files.causes import cause, error_message, memory_limit
from ila_jax.files.plain_name import remove_links
from ila_jax.files.printable import HANDLER, register
from ila_jax.freed_memory import keep_freed_memory

# Set to see where an error comes from.
TRACEBACK = "ILA_TRACEBACK"
# As shells count: 128 and the number of the signal, here SIGINT and SIGPIPE.
STOPPED = 130
_UNREAD = 141
# Whether a thread was left behind in native code.
_left_behind = threading.Event()


def begin() -> None:
    """Sets what holds while a command still imports what it needs, before `run`.

    There is nothing to be cleaned up yet, so Ctrl-C ends the process at once, also inside a library
    that would take the exception for one of its own.
    """
    _make_readable()
    # Until `run` there is nobody to catch what imports raise.
    sys.excepthook = _say_why
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_at_once)


def run(main: Callable[[], None]) -> int:
    """Runs a command and returns its exit status.

    It is 0, or 1 with a sentence on stderr, 130 after Ctrl-C, 141 if nobody reads the output.
    """
    _make_readable()
    _quiet()
    keep_freed_memory()
    # From here on there may be something to clean up: Ctrl-C is an exception again. A handler that
    # somebody else has set, or a shell's choice to ignore it, stays.
    if signal.getsignal(signal.SIGINT) is _end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _run(main)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    except BrokenPipeError as error:
        if not _drop_unread():
            return _failed(error)
        with suppress(OSError):
            print("stopped: nobody reads the output any more", file=sys.stderr)
        return _UNREAD
    # These are what a user's input or machine causes. Any other is a mistake of ours, and keeps its
    # traceback.
    except (ValueError, OSError, RuntimeError, MemoryError, ImportError) as error:
        if _interrupted(error):
            print("stopped", file=sys.stderr)
            return STOPPED
        return _failed(error)


def leave_behind() -> None:
    """Remembers that a thread is left in native code, which it may never return from."""
    _left_behind.set()


def leave(status: int) -> NoReturn:
    """Ends the process with a command's status.

    After Ctrl-C, or where a thread was left behind, at once: threads of native code may still
    compute, or read a file that hangs, and an interpreter that is taken down under them crashes, or
    waits for them.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    if status == STOPPED or _left_behind.is_set():
        remove_links()
        os._exit(status)
    sys.exit(status)


def _run(main: Callable[[], None]) -> int:
    try:
        main()
    # Also after --help: what cannot be written is an error here. At the interpreter's exit it would
    # be one that nobody sees.
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()
    return 0


def _failed(error: Exception) -> int:
    """Says what is wrong, in a sentence; returns the exit status."""
    if os.environ.get(TRACEBACK) or (isinstance(error, ImportError) and cause(error) is None):
        raise error
    if isinstance(error, MemoryError):
        message = f"error: not enough memory{memory_limit()}: {error}"
        print(message.rstrip(": "), file=sys.stderr)
    else:
        print(f"error: {error_message(error)}", file=sys.stderr)
    return 1


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: modules in C that it meets say that they cannot start."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or "KeyboardInterrupt" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _drop_unread() -> bool:
    """Whether the reader of an output is gone; what was meant for it goes nowhere from now on."""
    # The interpreter flushes its streams once more at the end, and would complain of the pipe.
    unread = [stream for stream in (sys.stdout, sys.stderr) if _reader_is_gone(stream)]
    for stream in unread:
        # The number of the stream stays, and with it what libraries in C write to.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    return bool(unread)


def _reader_is_gone(stream: TextIO | None) -> bool:
    """Whether an output is a pipe or a socket whose other end is closed."""
    if stream is None:  # without a console, as under pythonw
        return False
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # closed, or no stream of the system
        return False


def _make_readable() -> None:
    """What a terminal or a file's encoding does not have is escaped, and never ends a command."""
    register()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors=HANDLER)  # type: ignore[union-attr]


def _end_at_once(_: int, __: FrameType | None) -> None:
    """The handler of Ctrl-C while a command imports what it needs."""
    # Not `print`: the signal may have come in the middle of one, and streams are not entered twice.
    os.write(2, b"stopped\n")
    os._exit(STOPPED)


def _say_why(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Says in words what the system refuses while a command imports what it needs."""
    if isinstance(error, KeyboardInterrupt):
        print("stopped", file=sys.stderr, flush=True)
        os._exit(STOPPED)
    explained = isinstance(error, MemoryError) or cause(error) is not None
    if explained and not os.environ.get(TRACEBACK):
        print(f"error: {error_message(error) or 'not enough memory'}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def _quiet() -> None:
    """Silences the logs of libraries: what fails in the background is raised where it is awaited.

    Orbax logs the tracebacks of a failed save, asyncio each of its futures, and files that cannot
    be flushed complain once more when they are collected.
    """
    import absl.logging

    if os.environ.get(TRACEBACK):
        return
    absl.logging.set_verbosity(absl.logging.FATAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    threading.excepthook = lambda error: _one_line(error.exc_value)
    sys.unraisablehook = _not_raised


def _not_raised(error: Any) -> None:
    """Handles an error that Python cannot raise where it happens, such as in a finalizer.

    Ctrl-C is raised a little later; anything else is printed.
    """
    if isinstance(error.exc_value, KeyboardInterrupt):
        # A little later, since inside of this hook it would be lost once more.
        threading.Timer(0.1, partial(os.kill, os.getpid(), signal.SIGINT)).start()
    else:
        _one_line(error.exc_value)


def _one_line(error: BaseException | None) -> None:
    """Prints the first line of an error that nothing waits for."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    print(f"in the background: {lines[0][:300]}", file=sys.stderr)
