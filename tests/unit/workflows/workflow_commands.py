"""Whether the `neurocaas` commands of a script exist, with their options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click

from neurocaas_ci.cli.commands import cli

_ENDS = re.compile(r"[|&;<>()]+|\}")
# A command inside a quoted word, and what may stand before the name of a command.
_INSIDE = re.compile(r"\$\(|`")
_BEFORE = re.compile(r"\w+=.*|[!{]|if|then|else|elif|while|until|do|exec|time|env|sudo")
_DESCRIPTOR = re.compile(r"(?<=\s)\d(?=[<>])")


def command_lines(script: str) -> Iterator[list[str]]:
    """Yield the words of each call of `neurocaas`, without its own name."""
    for line in script.replace("\\\n", " ").splitlines():
        if "neurocaas" not in line:
            continue
        lexer = shlex.shlex(_DESCRIPTOR.sub("", line), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] | None = None
        begins = True
        for word in lexer:
            if _ENDS.fullmatch(word):
                if words is not None:
                    yield words
                words, begins = None, True
                continue
            if _INSIDE.search(word):
                yield from command_lines(_INSIDE.sub("\n", word))
            if words is not None:
                words.append(word)
            elif word.endswith(".venv/bin/neurocaas") or (begins and word == "neurocaas"):
                words = []
            begins = begins and bool(_BEFORE.fullmatch(word))
        if words is not None:
            yield words


def unknown_commands(script: str) -> Iterator[str]:
    """Yield what the real command line does not know, as a sentence."""
    for words in command_lines(script):
        command: click.Command = cli
        # With the settings of the real one: click keeps the first help option that a command is asked for.
        context = click.Context(cli, info_name="neurocaas", **cli.context_settings)
        rest = list(words)
        try:
            while isinstance(command, click.Group):
                name = rest.pop(0) if rest else ""
                found = command.get_command(context, name)
                if found is None:
                    raise click.UsageError(f"no command `{name}`", context)
                command, context = found, click.Context(found, info_name=name, parent=context)
            yield from _wrong_options(command, context, rest)
        except click.ClickException as error:
            yield f"neurocaas {' '.join(words)}: {error.message}"


def _wrong_options(
    command: click.Command, context: click.Context, rest: list[str]
) -> Iterator[str]:
    """Parse the words as click does; values that the shell fills in are not judged."""
    given, _, _ = command.make_parser(context).parse_args(args=rest)
    for parameter in command.params:
        value = given.get(parameter.name or "")
        missing = value is None or type(value).__name__ == "Sentinel"
        if parameter.required and missing:
            yield f"neurocaas {command.name}: {parameter.opts[0]} is missing"
        if isinstance(parameter.type, click.Choice) and isinstance(value, str) and "$" not in value:
            parameter.type.convert(value, parameter, context)
