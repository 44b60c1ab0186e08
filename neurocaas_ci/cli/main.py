"""The entry point: load one command, run it, turn errors into messages and exit codes."""

from __future__ import annotations

import importlib
import sys

import click

_COMMANDS = {
    n: n for n in "validate explain iae build pr init reconcile worker status logs fetch data job".split()
} | {"run": "reconcile", "try": "try_"}


class _Lazy(click.Group):
    def list_commands(self, ctx):
        return list(_COMMANDS)

    def get_command(self, ctx, cmd_name):
        if cmd_name not in _COMMANDS:
            return None
        return importlib.import_module(f"neurocaas_ci.cli.{_COMMANDS[cmd_name]}").command


@click.command(cls=_Lazy)
def cli():
    pass


def main():
    from neurocaas_ci.errors import NeurocaasError

    try:
        cli(standalone_mode=True)
    except NeurocaasError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
