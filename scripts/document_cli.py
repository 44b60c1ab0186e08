#!/usr/bin/env python3
"""Write docs/reference/cli.md from the help of every command.

python scripts/document_cli.py           (with --check: only compare, exit 1 when it is stale)
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from neurocaas_ci.cli.commands import cli

_TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
# click keeps two of 80 columns free.
_WIDTH = 78
_INTRODUCTION = """\
# Command line

Written by `scripts/document_cli.py` from the help of each command; a test compares the two.

stdout is data, stderr is talk. Exit codes:

| code | meaning |
|---|---|
| 0 | done |
| 1 | internal error: a bug |
| 2 | the command line, or the situation, does not allow this |
| 10 | the registry breaks rules (findings) |
| 11 | an environment could not be built, or not to the locked digest |
| 12 | a job or a run failed, or a deployment was taken back |
| 13 | stored content does not have its digest, or a certificate does not hold |
| 14 | a replay gave other results |
| 15 | a replay was impossible here |
| 16 | something outside is missing or busy: try again |
| 130 | interrupted; what has ended is kept |

Environment variables:

| variable | meaning |
|---|---|
| `NEUROCAAS_HOME` | folder of the store and of all state (default: `~/.local/share/neurocaas`) |
| `NEUROCAAS_CACHE` | folder of downloads and images, where homes share them (default: `cache/` in the home) |
| `NEUROCAAS_STORE` | `s3://BUCKET/PREFIX` of contents and state for several machines (default: in the home); AWS settings apply |
| `NEUROCAAS_GROUP` | the group whose part of that store, and whose jobs, are meant |
| `NEUROCAAS_EXECUTOR` | `local`, `slurm` or `aws-batch`; stands for `--executor` of `reconcile` (default: what registry/policy.yaml says) |
| `NEUROCAAS_SLURM_PARTITIONS` | partitions by pricing, e.g. `standard=cpu,save=preempt` (default: the cluster's) |
| `NEUROCAAS_SLURM_ARGUMENTS` | more arguments of sbatch, e.g. `--account=lab` |
| `NEUROCAAS_USER` | your login in the registry; stands for `--user` and `--maintainer` |
| `NEUROCAAS_SIGNER` | `local` or `sigstore`; stands for `--signer` |
| `NO_COLOR` | no colours |
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or compare it; return the exit code."""
    parser = argparse.ArgumentParser(description="Document the command line.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    text = page()
    if not parser.parse_args(arguments).check:
        _TARGET.write_text(text, encoding="utf-8")
        return 0
    if _TARGET.is_file() and _TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(
        f"{_TARGET}: differs from the commands\n  hint: run scripts/document_cli.py",
        file=sys.stderr,
    )
    return 1


def page() -> str:
    """Return the whole page."""
    sections = [
        f"## {' '.join(words)}\n\n```text\n{_help(words)}\n```\n"
        for words in (["neurocaas"], *(words for words, _ in commands()))
    ]
    return "\n".join([_INTRODUCTION, *sections])


def commands() -> Iterator[tuple[list[str], click.Command]]:
    """Yield every command below `neurocaas` with the words that call it, groups before members."""
    yield from _below(cli, ["neurocaas"])


def _below(group: click.Group, words: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    context = click.Context(group, info_name=words[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield [*words, name], command
        if isinstance(command, click.Group):
            yield from _below(command, [*words, name])


def _help(words: list[str]) -> str:
    """Return what `neurocaas … --help` prints on a terminal of 80 columns or more."""
    command: click.Command = cli
    context = click.Context(cli, info_name=words[0], terminal_width=_WIDTH, **cli.context_settings)
    for word in words[1:]:
        if not isinstance(command, click.Group):
            raise TypeError(f"{context.command_path} has no commands")
        found = command.get_command(context, word)
        if found is None:
            raise KeyError(word)
        command = found
        context = click.Context(command, info_name=word, parent=context)
    return command.get_help(context).rstrip()


if __name__ == "__main__":
    sys.exit(main())
