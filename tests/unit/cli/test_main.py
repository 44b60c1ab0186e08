"""Start-up, exit codes, errors on one line, and readers that go away."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from neurocaas_ci import __version__
from neurocaas_ci.cli.commands import cli

HEAVY = ("yaml", "jsonschema", "rich", "numpy", "importlib.metadata", "difflib.unused")


def imported(shell, *arguments, cwd=None):
    done = shell.run(*arguments, python=("-X", "importtime"), cwd=cwd)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}


def test_version_imports_nothing(shell):
    modules = imported(shell, "--version")
    assert not modules & {"click", *HEAVY}
    ours = {m for m in modules if m.startswith("neurocaas_ci")}
    # The command itself runs as __main__.
    assert ours <= {"neurocaas_ci", "neurocaas_ci.cli"}
    assert shell.run("--version").stdout == f"neurocaas {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_imports_no_command(shell, arguments):
    if not arguments:
        assert "Usage" in shell.run(code=2).stderr
        return
    modules = imported(shell, *arguments)
    assert not modules & {"yaml", "jsonschema", "rich", "subprocess.unused"}
    assert not {m for m in modules if m.startswith(("neurocaas_ci.run", "neurocaas_ci.build"))}


@pytest.mark.parametrize("command", [c for c in cli.list_commands(None) if c != "reconcile"])
def test_no_command_loads_rich_or_the_builder_for_its_help(shell, command):
    modules = imported(shell, command, "--help")
    assert not modules & {"rich", "numpy", "neurocaas_ci.build.builder"}


def test_reconcile_loads_nothing_that_it_rarely_needs(shell, registry):
    modules = imported(shell, "reconcile", "--no-fetch", cwd=registry)
    assert "neurocaas_ci.run.reconcile" in modules
    assert not modules & {"rich", "jsonschema", "logging", "concurrent.futures", "difflib"}
    assert not modules & {"shutil", "tempfile"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["statsu"], "no command `statsu`; did you mean `status`?"),
        (["xyzzy"], "no command `xyzzy`"),
        (["status", "--frobnicate"], "--frobnicate"),
        (["data", "put"], "Missing argument"),
        (["pr", "merge", "many"], "'many' is not a valid integer"),
        (["init", "blueprint", "x-y"], "--maintainer"),
    ],
)
def test_usage_errors_exit_with_2(shell, arguments, message):
    done = shell.run(*arguments, code=2)
    assert message in done.stderr
    assert done.stdout == ""


def test_outside_of_a_repository(shell):
    done = shell.run("status", code=2)
    assert "not inside a git repository" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_expected_error_keeps_its_code_with_a_traceback(shell):
    done = shell.run("-v", "status", code=2)
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().split("\n")[-2].startswith("error: ")


def test_an_internal_error_is_one_line_and_a_hint(shell):
    """A damaged name in the store is nothing that a command expects."""
    shell.run("data", "ls")
    names = shell.home / "store/state/names"
    names.mkdir(parents=True)
    (names / "broken").write_text("{")
    done = shell.run("data", "ls", code=1)
    assert re.fullmatch(
        r"internal error: JSONDecodeError: .*\n  hint: this is a bug; .*report it\n", done.stderr
    )
    told = shell.run("-v", "data", "ls", code=1)
    assert "Traceback (most recent call last)" in told.stderr
    assert "JSONDecodeError" in told.stderr.split("\n")[-3]


@pytest.mark.parametrize(
    "command", ["neurocaas explain", "neurocaas --help", "neurocaas data ls", "neurocaas status"]
)
def test_a_reader_that_goes_away_is_no_error(shell, registry, command):
    done = shell.sh(
        f"cd registry; set -o pipefail; {command} 2>err | (exec <&-; sleep 0.8); "
        'echo "${PIPESTATUS[0]}"; cat err'
    )
    lines = done.stdout.split("\n")
    assert lines[0] == "0", done
    assert "Traceback" not in done.stdout
    assert "BrokenPipe" not in done.stdout
    assert "Exception ignored" not in done.stdout


def test_a_reader_that_takes_one_line_is_no_error(shell):
    done = shell.sh('neurocaas explain | head -n 1 > /dev/null; echo "${PIPESTATUS[0]}"')
    assert done.stdout == "0\n"
    assert done.stderr == ""


def test_interrupted_while_it_asks_exits_with_130(shell, registry):
    """Ctrl-C at a prompt; the prompt needs a terminal and a published blueprint."""
    script = (
        "import click, sys\n"
        "from neurocaas_ci.cli import commands, main\n"
        "@click.command()\n"
        "def command():\n"
        "    click.prompt('Your login', err=True)\n"
        "import types; module = types.ModuleType('neurocaas_ci.cli.data')\n"
        "module.command = command; sys.modules['neurocaas_ci.cli.data'] = module\n"
        "sys.argv = ['neurocaas', 'data']\n"
        "main.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input="", capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 130
    assert "stopped; what has ended is kept" in done.stderr


def test_help_has_every_command_once(shell):
    text = shell.run("--help").stdout
    for command in cli.list_commands(None):
        assert len(re.findall(rf"^  {command}  +[A-Z]", text, re.MULTILINE)) == 1, command
