"""What the system refuses is told by its cause, whatever library it came through."""

import errno
import os
import re
import resource

import pytest

from ila_jax.files.causes import cause, error_message, memory_limit

CAUSES = {
    errno.ENOSPC: "no space is left",
    errno.EDQUOT: "quota",
    errno.EROFS: "read-only",
    errno.EACCES: "permission is denied",
    errno.EMFILE: "too many files are open.*ulimit -n",
    errno.ENAMETOOLONG: "too long",
    errno.EFBIG: "ulimit -f",
}


def as_itself(number):
    raise OSError(number, os.strerror(number), "/a/file")


def as_tensorstore_says_it(number):
    text = f"UNAVAILABLE: Error writing local file [OS error {number}: X {os.strerror(number)}]"
    raise ValueError(text)


def wrapped(number):
    try:
        as_itself(number)
    except OSError as error:
        raise RuntimeError("the save failed") from error


@pytest.mark.parametrize("number", CAUSES)
@pytest.mark.parametrize("how", [as_itself, as_tensorstore_says_it, wrapped])
def test_a_cause_is_found_in_whatever_form_it_comes(number, how):
    with pytest.raises((OSError, ValueError, RuntimeError)) as raised:
        how(number)
    assert re.search(CAUSES[number], cause(raised.value))


def test_what_has_no_cause_of_the_system_keeps_its_words():
    assert cause(ValueError("steps is 3: expected 4")) is None
    assert error_message(ValueError("steps is 3: expected 4")) == "steps is 3: expected 4"
    assert error_message(FileNotFoundError(2, "No such file", "a")) == "[Errno 2] No such file: 'a'"


def answered():
    try:
        as_itself(errno.EACCES)
    except OSError:
        raise ValueError("name a file") from None


def test_an_error_answered_by_our_own_words_is_not_told_twice():
    with pytest.raises(ValueError, match="name a file") as raised:
        answered()
    assert cause(raised.value) is None


def test_files_and_threads_that_are_used_up_are_told_whoever_says_so():
    said = error_message(RuntimeError("can't start new thread"))
    assert "ulimit -u" in said
    assert "ulimit -n" in error_message(ValueError("x.mp4: Too many open files"))


def test_a_name_that_is_no_text_is_told_as_such():
    with pytest.raises(UnicodeEncodeError) as raised:
        "caf\udce9".encode()
    assert cause(raised.value).startswith("a name in the path is not UTF-8: rename it")


def test_the_memory_that_a_process_may_have_is_told_where_there_is_a_limit(monkeypatch):
    limits = {resource.RLIMIT_AS: (2_500_000_000, resource.RLIM_INFINITY)}
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    assert memory_limit() == (" (this process may have 2.5 GB of addresses: raise it by ulimit -v)")
    limits[resource.RLIMIT_AS] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert memory_limit() == ""
