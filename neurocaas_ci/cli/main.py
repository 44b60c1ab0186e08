"""The entry point: load only the command that is asked for; turn errors into messages and codes."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import AbstractContextManager, nullcontext

from neurocaas_ci import __version__

_INTERRUPTED = 130
_OBJECTS = 50_000


def main() -> None:
    """Run the command line and exit with a code of docs/reference/cli.md."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        # Answered before anything is imported: scripts ask for it often.
        sys.stdout.write(f"neurocaas {__version__}\n")
        return
    codes: list[int] = []
    # Registered before all others, so called after them.
    atexit.register(_leave, codes)
    codes.append(_run(arguments))
    sys.exit(codes[0])


def _run(arguments: list[str]) -> int:
    # Starting makes many objects and no garbage; looking for it would be a twentieth of a command.
    gc.set_threshold(_OBJECTS, 20, 50)
    from neurocaas_ci.patterns import load

    # Click loads it by way of `uuid`, to learn the name of this system.
    load("platform")
    import click

    from neurocaas_ci.cli.commands import cli
    from neurocaas_ci.errors import NeurocaasError

    verbose = any(flag in {"-v", "--verbose"} for flag in arguments[:1])
    code, output = 0, sys.stdout
    _name_region()
    try:
        with _identity():
            result = cli.main(args=arguments, prog_name="neurocaas", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        sys.stdout.flush()
    except NeurocaasError as error:
        code = error.exit_code
        _say(f"error: {error}", trace=verbose)
    except click.ClickException as error:
        code = error.exit_code
        error.show()
    except (click.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
        _say("stopped; what has ended is kept, the same command goes on from there")
    except (BrokenPipeError, SystemExit) as end:
        # When the reader of the pipe has gone, click puts another stdout in place and exits.
        if isinstance(end, SystemExit) and sys.stdout is output:
            raise
        _forget_output()
    except Exception as error:  # noqa: BLE001 - the one place where the unforeseen ends up
        code = 1
        _say(
            f"internal error: {type(error).__name__}: {error}\n"
            "  hint: this is a bug; `neurocaas -v …` shows where, please report it",
            trace=verbose,
        )
    return code


def _name_region() -> None:
    """Let boto3, which knows the second name only, have the region that all else of AWS is told."""
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = os.environ.get("AWS_DEFAULT_REGION") or region


def _identity() -> AbstractContextManager[None]:
    """Be a role of AWS where the environment names one, which it does in workflows only."""
    if not os.environ.get("NEUROCAAS_AWS_ROLE"):
        return nullcontext()
    from neurocaas_ci.cli.cloud_identity import taken_on

    return taken_on(os.environ, _say)


def _leave(codes: list[int]) -> None:
    """End without taking the interpreter apart, which would be a tenth of a short command."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    if codes:
        os._exit(codes[0])


def _say(message: str, *, trace: bool = False) -> None:
    import click

    if trace:
        import traceback

        click.echo(traceback.format_exc(), err=True)
    click.echo(message, err=True)


def _forget_output() -> None:
    """Let what is still buffered go nowhere: Python flushes it at exit and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


if __name__ == "__main__":
    main()
