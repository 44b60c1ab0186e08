"""The entry point: load only the command that is asked for; turn errors into messages and codes."""

from __future__ import annotations

import sys

from neurocaas_ci import __version__

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with the code of DESIGN section 7."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        # Answered before anything is imported: scripts ask for it often.
        sys.stdout.write(f"neurocaas {__version__}\n")
        return
    sys.exit(_run(arguments))


def _run(arguments: list[str]) -> int:
    import click

    from neurocaas_ci.cli.commands import cli
    from neurocaas_ci.errors import NeurocaasError

    verbose = any(flag in {"-v", "--verbose"} for flag in arguments[:1])
    try:
        result = cli.main(args=arguments, prog_name="neurocaas", standalone_mode=False)
    except NeurocaasError as error:
        if verbose:
            raise
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what has ended is kept, the same command goes on from there", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain when it flushes at exit.
        sys.stdout = None
        return 0
    except Exception as error:
        if verbose:
            raise
        click.echo(
            f"internal error: {type(error).__name__}: {error}\n"
            "  hint: this is a bug; `neurocaas -v …` shows where, please report it",
            err=True,
        )
        return 1
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
