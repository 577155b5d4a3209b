"""What a page of the documentation tells its reader to type, and a small shell that does it in this process.

The shell knows what the pages use: comments, lines that are carried on, `&&`, a pipe, `>`, variables.
Whatever else a page tells has to be named by the test, with the reason why it is not run.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest
import typer
from command import Said
from page_houses import PageHouse, newest

MEIZHEN = ("meizhen", "/opt/meizhen/bin/meizhen")
_REALLY = {  # programs that are run as they are, with what makes a refusal seen
    "curl": ("curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"),
    "install": ("install",),
}
_BLOCK = re.compile(r"^ *```(sh|bash|shell|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_ASSIGNED = re.compile(r"([A-Z_]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Told:
    """One command of a page with the number of its line, and the output that the page shows after it."""

    line: int
    text: str
    shown: tuple[str, ...] = ()


def told_by(page: str) -> list[Told]:
    """The commands of a page's shell blocks, in its order."""
    found: list[Told] = []
    for block in _BLOCK.finditer(page):
        first = page.count("\n", 0, block.start(2)) + 1
        found += _of_block(block[2].splitlines(), first, prompted=block[1] == "console")
    return found


def _of_block(lines: Sequence[str], first: int, *, prompted: bool) -> Iterator[Told]:
    told: Told | None = None
    for number, line in enumerate(lines, first):
        if told is not None and told.text.endswith("\\"):
            told = Told(told.line, told.text[:-1] + line.strip())
        elif prompted and not line.startswith("$ "):
            assert told is not None, f"line {number}: output of no command"
            told = Told(told.line, told.text, (*told.shown, line))
        else:
            if told is not None:
                yield told
            told = Told(number, line.removeprefix("$ "))
    if told is not None:
        yield told


class PageShell:
    """Does what is told as a house's reader would; `left_out` are beginnings of commands that are not run."""

    def __init__(
        self, house: PageHouse, capture: pytest.CaptureFixture[str], left_out: Collection[str]
    ) -> None:
        self._house, self._capture, self._left_out = house, capture, left_out

    def do(self, told: Told) -> str:
        """What its reader sees of it. Raises AssertionError where the exit code is not 0."""
        house, began = self._house, len(self._house.screen)
        for beginning in [one for one in house.meanwhile if told.text.startswith(one)]:
            house.meanwhile.pop(beginning)()
        if not self._is_left_out(told.text):
            words = [self._here(word) for word in _words(told.text)]
            for apart, part in groupby(words, lambda word: word == "&&"):
                if not apart:
                    self._pipeline(list(part))
        return house.screen[began:]

    def _is_left_out(self, text: str) -> bool:
        return text.startswith(tuple(self._left_out))

    def _here(self, word: str) -> str:
        """The word, with what a page can only give an example of as it is in this house."""
        for example, pattern in self._house.copied.items():
            if example in word:
                word = word.replace(example, newest(pattern, self._house.screen))
        for example, real in self._house.places.items():
            word = word.replace(example, real)
        return os.path.expandvars(word)

    def _pipeline(self, words: list[str]) -> None:
        if self._is_left_out(" ".join(words)):
            return
        words, file = (words[:-2], Path(words[-1])) if words[-2:-1] == [">"] else (words, None)
        said = Said(0, "", "")
        for apart, part in groupby(words, lambda word: word == "|"):
            if not apart:
                said = self._command(list(part), said.out)
                self._house.screen += said.err
        if file is None:
            self._house.screen += said.out
        else:
            file.write_text(said.out, "utf-8")

    def _command(self, words: list[str], given: str) -> Said:
        words = words[3:] if words[:2] == ["sudo", "-u"] else words  # this process is that user
        with self._house.patch.context() as own:
            while (assigned := _ASSIGNED.fullmatch(words[0])) is not None:
                own.setenv(assigned[1], assigned[2])
                words = words[1:]
            if words[0] in MEIZHEN:
                return self._meizhen(words[1:], given, own)
        return self._other(words[0], words[1:])

    def _other(self, program: str, arguments: list[str]) -> Said:
        if program == "export":
            for one in arguments:
                self._house.patch.setenv(*one.split("=", 1))
            return Said(0, "", "")
        if program == "echo":
            return Said(0, " ".join(arguments) + "\n", "")
        assert program in _REALLY, f"{program} is no command that is run, and none that is left out"
        if shutil.which(program) is None:
            pytest.skip(f"this machine has no {program}")
        words = [*_REALLY[program], *arguments]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done
        return Said(0, done.stdout, done.stderr)

    def _meizhen(self, arguments: list[str], given: str, own: pytest.MonkeyPatch) -> Said:
        own.setattr(sys, "stdin", io.StringIO(given) if given else _Terminal())
        if self._house.typed:
            own.setattr(sys.stdout, "isatty", lambda: True)
        own.setattr(typer, "prompt", self._answer)
        return self._house.run(*arguments)

    def _answer(self, question: str, default: str | None = None, **how: object) -> object:
        """What is typed; the question stands on the screen as it would."""
        assert self._house.typed, f"asked, and nobody answers: {question}"
        shown = question if default is None else f"{question} [{default}]:"
        typer.echo(shown, err=bool(how.get("err")))
        typed, read = self._house.typed.pop(0), how.get("value_proc")
        answer = typed(self._house.screen + self._shown()) if callable(typed) else typed
        return read(answer) if callable(read) else answer

    def _shown(self) -> str:
        """What the command that asks has shown until now; it stays shown."""
        shown = self._capture.readouterr()
        sys.stdout.write(shown.out)
        sys.stderr.write(shown.err)
        return shown.out + shown.err


class _Terminal(io.StringIO):
    """Nothing comes from it but what is typed at a prompt."""

    def isatty(self) -> bool:
        return True


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars="&|>;")
    lexer.whitespace_split = True
    return list(lexer)
