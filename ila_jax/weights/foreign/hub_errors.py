"""Explains why something could not be fetched from the Hugging Face hub, and what to do."""

import errno
import os

_LOGIN = "log in with `hf auth login`, or set HF_TOKEN"


def fetch_problem(error: BaseException, repository: str, revision: str) -> str:
    """The reason and what to do, without a full stop.

    error: raised by huggingface_hub, or by what it uses for HTTP. repository, revision: what was
    asked for. Types are recognised by their names, since the libraries below changed twice, and the
    types with them.
    """
    # "Not in the cache" is what the library makes of any failure; the failure is its cause.
    cause = error
    while "LocalEntryNotFoundError" in _types(cause) and cause.__cause__ is not None:
        cause = cause.__cause__
    types, status = _types(cause), _status(cause)
    # From the special to the general: the types inherit from each other, and share status codes.
    page = f"{os.environ.get('HF_ENDPOINT') or 'https://huggingface.co'}/{repository}"
    if "GatedRepoError" in types:
        return f"it is gated: accept its conditions at {page}, then {_LOGIN}"
    if "RevisionNotFoundError" in types:
        return f"{repository} has no branch, tag or commit {revision}: see {page}"
    if "DisabledRepoError" in types:
        return f"the hub has disabled {repository}: see {page}"
    if "EntryNotFoundError" in types and status == 404:
        return f"a file of {repository} is missing there ({_first_line(cause)}): see {page}"
    # The hub answers 401 for what does not exist as well, so as not to tell what is private.
    if "RepositoryNotFoundError" in types or status in (401, 404):
        return (
            f"the hub knows no {repository}, or it is private: check the name; if it is private, "
            f"{_LOGIN}"
        )
    if "HFValidationError" in types:
        return f"{repository} is no name of a repository: expected OWNER/NAME"
    if "OfflineModeIsEnabled" in types:
        return "HF_HUB_OFFLINE is set, so that the hub is not asked: unset it to fetch"
    if isinstance(cause, OSError) and cause.errno in _DISK:
        return f"{_DISK[cause.errno]} ({cause}): HF_HOME names another folder for the cache"
    return _answer(status, _first_line(cause))


def push_problem(error: BaseException, repository: str, revision: str) -> str:
    """Why something could not be uploaded, and what to do, without a full stop.

    error, repository, revision: as for `fetch_problem`.
    """
    # Of a large file the library only says which it was; what was answered is the cause.
    while _status(error) is None and error.__cause__ is not None:
        error = error.__cause__
    status, message = _status(error), _first_line(error)
    if status in (401, 403) and "GatedRepoError" not in _types(error):
        owner = repository.partition("/")[0]
        return (
            f"the hub forbids it ({message}): the token is not valid, or may not write for "
            f"{owner}; {_LOGIN}, with a token that may write"
        )
    if status in (402, 413, 507):
        return f"the hub has no room for it ({message}): make room there, or take another owner"
    if status in (409, 412):
        return f"it was changed there in the meantime ({message}): look what is there now"
    return fetch_problem(error, repository, revision)


def is_broken_connection(error: BaseException) -> bool:
    """Whether a connection ended in the middle of an answer."""
    return bool(_types(error) & {"RemoteProtocolError", "ReadError", "ChunkedEncodingError"})


# What the disk of the cache refused, by the system's number.
_DISK = {
    errno.ENOSPC: "the disk of the cache is full",
    errno.EDQUOT: "the quota of the cache's disk is used up",
    errno.EACCES: "the cache cannot be written",
    errno.EROFS: "the cache cannot be written",
}


def _answer(status: int | None, message: str) -> str:
    """The reason by the status code of HTTP; None is no answer at all. message: the error's."""
    if status == 403:
        return f"the hub forbids it ({message}): the token may not read it, {_LOGIN}"
    if status == 429:
        return f"too many requests ({message}): wait a little, or {_LOGIN}"
    if status is not None and status >= 500:
        return f"the hub has a fault of its own ({message}): try again later"
    if status is not None:
        return f"the hub answered {message}"
    return (
        f"no connection, or it broke off ({message}): connect to the network and start again, or "
        "name a folder on this machine"
    )


def _types(error: BaseException) -> set[str]:
    """The names of an error's type and of all types that it inherits from."""
    return {kind.__name__ for kind in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return (lines[0] or type(error).__name__)[:200].rstrip(".:")
