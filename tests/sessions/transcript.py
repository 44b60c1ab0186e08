"""Executable transcripts: the ```console blocks of a guide, played in one real shell.

A line `$ command` is typed, lines `> …` continue it, the other lines are what it prints on stdout
and stderr. A command must succeed, unless `$ echo $?` comes next. `...` in a line stands for any
text, a line `...` for any lines. What differs from day to day and machine to machine (commits,
times, seconds, memory) is compared as such, and so is the order in which parallel runs end.
"""

import os
import re
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_VARYING = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<commit>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<commit>"),
    (re.compile(r"\b20\d\d-(0[1-9]|1[0-2])/"), "<month>/"),
    (re.compile(r"(?<!at most )\b\d+(\.\d s| min \d+ s)\b"), "<seconds>"),
    (re.compile(r"\b\d+\.\d [kMG]B of memory"), "<memory>"),
    # The width of a column depends on what stands in it.
    (re.compile(r"(?<=\S) {2,}"), " "),
)
_ENDED = re.compile(r"^  \d+/(\d+) (.*)$")
_ECHO = "echo $?"
_ANY = "..."
_GOODBYE_SECONDS = 2


@dataclass(frozen=True)
class Step:
    """One command of a guide, what it prints, and the line of the guide."""

    line: int
    command: str
    expected: str
    may_fail: bool


def steps(guide: Path) -> list[Step]:
    """Return the commands of all console blocks, in order."""
    text = guide.read_text(encoding="utf-8")
    found = []
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start()) + 2
        for number, line in enumerate(block[1].splitlines(), start=first):
            if line.startswith("$ "):
                found.append((number, [line[2:]], []))
            elif not found or number < first:
                raise AssertionError(f"{guide.name}:{number}: a console block begins with `$ `")
            elif (line == ">" or line.startswith("> ")) and not found[-1][2]:
                found[-1][1].append(line[2:])
            else:
                found[-1][2].append(line)
    commands = ["\n".join(command) for _, command, _ in found]
    return [
        Step(line, command, "\n".join(output), following == _ECHO)
        for (line, _, output), command, following in zip(
            found, commands, [*commands[1:], ""], strict=True
        )
    ]


class Shell:
    """A bash that types commands one after the other, each with its output and exit code."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._end = f"end-{secrets.token_hex(8)}"
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=environment, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        os.set_blocking(self._process.stdout.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        deadline = time.monotonic() + _GOODBYE_SECONDS
        look = os.WEXITED | os.WNOWAIT | os.WNOHANG
        while not os.waitid(os.P_PID, self._process.pid, look) and time.monotonic() < deadline:
            time.sleep(0.01)
        # Not reaped yet, so that the number still means this group: the shell and what it started.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    def type(self, command: str, timeout: float) -> tuple[str, int]:
        """Return what the command prints, and its exit code; `$?` is left as it was."""
        line = (
            f"{{ {command}\n}} </dev/null; code=$?; printf '\\n{self._end} %d\\n' $code; (exit $code)\n"
            if command != _ECHO
            else f"printf '%d\\n\\n{self._end} 0\\n' $?\n"
        )
        self._process.stdin.write(line.encode())
        end = re.compile(rf"\n{self._end} (\d+)\n".encode())
        output, deadline = b"", time.monotonic() + timeout
        while not (ended := end.search(output)):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"`{command}` did not end; it printed:\n{output.decode()}")
            output += self._process.stdout.read() or b""
            time.sleep(0.01)
        return output[: ended.start()].decode("utf-8", "replace").rstrip("\n"), int(ended[1])


def play(guide: Path, shell: Shell, timeout: float, after=None) -> list[Step]:
    """Type a whole guide; stop at the first step that goes another way than it says.

    `after` maps the beginning of a command to a command that the guide does not show.
    """
    played = steps(guide)
    for step in played:
        where = f"{guide.name}:{step.line}: $ {step.command}"
        output, code = shell.type(step.command, timeout)
        assert code == 0 or step.may_fail, f"{where}\nended with {code}:\n{output}"
        assert agrees(step.expected, output), (
            f"{where}\n--- the guide says:\n{step.expected}\n--- it prints:\n{output}"
        )
        for start, command in (after or {}).items():
            if step.command.startswith(start):
                output, code = shell.type(command, timeout)
                assert code == 0, f"{where}\nafterwards `{command}` ended with {code}:\n{output}"
    return played


def agrees(expected: str, output: str) -> bool:
    """Tell whether an output is what a guide shows."""
    parts = [
        r"(?:.*\n)*?" if line == _ANY else re.escape(line).replace(re.escape(_ANY), ".*") + r"\n"
        for line in _settled(expected)
    ]
    given = "".join(f"{line}\n" for line in _settled(output))
    return re.fullmatch("".join(parts), given) is not None


def _settled(text: str) -> list[str]:
    """Return the lines with a word in place of what varies; ended runs in the order of names."""
    lines: list[str] = []
    group: list[str] = []
    for line in [*text.splitlines(), None]:
        ended = _ENDED.match(line) if line is not None else None
        if ended:
            group.append(f"  ?/{ended[1]} {_without(ended[2])}")
            continue
        lines += sorted(group)
        group = []
        if line is not None:
            lines.append(_without(line.rstrip()))
    return lines


def _without(line: str) -> str:
    for pattern, word in _VARYING:
        line = pattern.sub(word, line)
    return line
