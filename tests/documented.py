"""The command lines of README.md, CONTRIBUTING.md and docs/, in blocks of bash and console."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")),
]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command line. line: of its page, from 1. setting: the variables set in its block before."""

    page: str
    line: int
    text: str
    setting: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands(page: str) -> list[Command]:
    """All of a page, in order."""
    return [
        command
        for line, language, body in _blocks(page)
        if language in ("bash", "console")
        for command in _commands(page, line, body, prompt="$ " if language == "console" else "")
    ]


def snippets(page: str) -> list[str]:
    """The Python blocks of a page."""
    return [body for _, language, body in _blocks(page) if language == "python"]


def languages(page: str) -> set[str]:
    """What the fenced blocks of a page are in; "" for one that does not say it."""
    fences = re.findall(r"^ *```(.*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    return {fence.split()[0] if fence else "" for fence in fences[::2]}


def unread(page: str) -> list[str]:
    """The fences that begin a block which neither `commands` nor `snippets` can read."""
    fences = re.findall(r"^ *(?:```|~~~).*$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    return [fence for fence in fences[::2] if not re.fullmatch(r"```(\w+|\{include\} .*)", fence)]


def _blocks(page: str) -> Iterator[tuple[int, str, str]]:
    """(line of its first line, language, text) of each block."""
    text = (ROOT / page).read_text("utf-8")
    for block in _BLOCK.finditer(text):
        yield text.count("\n", 0, block.start()) + 2, block[1], block[2]


def _commands(page: str, first: int, body: str, prompt: str) -> Iterator[Command]:
    setting, beside, text, begin = "", "", "", 0
    for number, line in enumerate(body.splitlines(), start=first):
        if not text and not line.startswith(prompt):
            continue  # what a command printed
        text, begin = (text + line, begin) if text else (line.removeprefix(prompt), number)
        if text.endswith("\\"):
            text = text[:-1]
            continue
        text = re.sub(r"\s+#.*|^#.*", "", " ".join(text.split()))
        if text.endswith(" &"):  # it runs beside the next one
            beside = f"{text}\n"
        elif re.fullmatch(r"\w+=\S*", text):
            setting += f"{text}; "
        elif text:
            yield Command(page, begin, beside + text, setting)
            beside = ""
        text = ""
