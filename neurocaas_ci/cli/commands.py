"""The table of commands; a command's module is imported when it is called, not before."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import click

from neurocaas_ci import __version__


class _Entry(NamedTuple):
    module: str
    section: str
    help: str


_PUBLISHER, _SCIENTIST, _AUDITOR = "Publisher", "Scientist", "Auditor"
_EVERYONE = "Everyone"
_COMMANDS = {
    "init": _Entry("init", _PUBLISHER, "Start a new analysis, or a platform."),
    "try": _Entry("try_", _PUBLISHER, "Run an environment's sample in the sandbox."),
    "iae": _Entry("iae", _PUBLISHER, "Lock the sources of an environment."),
    "build": _Entry("build", _PUBLISHER, "Build an environment into an OCI image."),
    "rebuild": _Entry("rebuild", _PUBLISHER, "Rebuild the environments of a change from nothing."),
    "data": _Entry("data", _SCIENTIST, "Put, list and remove datasets in the store."),
    "job": _Entry("job", _SCIENTIST, "Write, cancel and retry job manifests."),
    "status": _Entry("status", _SCIENTIST, "Show where jobs and their runs stand."),
    "budget": _Entry("budget", _SCIENTIST, "Explain budgets, back to the commits."),
    "logs": _Entry("logs", _SCIENTIST, "Print what the workflows of a job wrote."),
    "fetch": _Entry("fetch", _SCIENTIST, "Copy a job's results into a folder."),
    "verify": _Entry("verify", _AUDITOR, "Check a certificate, and results against it."),
    "inspect": _Entry("inspect", _AUDITOR, "Show what a certificate says, in plain words."),
    "replay": _Entry("replay", _AUDITOR, "Run a job again and compare with its certificate."),
    "audit": _Entry("audit", _AUDITOR, "Verify every certificate of a registry."),
    "sample": _Entry("sample", _AUDITOR, "Carry what replays need to a machine without rights."),
    "trust": _Entry("trust", _AUDITOR, "Show and check what this machine signs with."),
    "validate": _Entry("validate", _EVERYONE, "Judge a registry or a change of it."),
    "plan": _Entry("plan", _EVERYONE, "Say what merging a change does, and what it costs."),
    "explain": _Entry("explain", _EVERYONE, "Explain a rule."),
    "pr": _Entry("pr", _EVERYONE, "Open, list, show and merge pull requests."),
    "report": _Entry("report", _EVERYONE, "Report on a pull request on GitHub, and merge it."),
    "onboard": _Entry("onboard", _EVERYONE, "Make a pull request of an issue form."),
    "hardware": _Entry("hardware", _EVERYONE, "List hardware, and look up its prices at AWS."),
    "doctor": _Entry("doctor", _EVERYONE, "Say what is wrong with this machine and its forge."),
    "prepare": _Entry("prepare", _EVERYONE, "Say and build what merged jobs need before they run."),
    "reconcile": _Entry("reconcile", _EVERYONE, "Run every merged job that has no result yet."),
    "run": _Entry("reconcile", _EVERYONE, "The same as reconcile."),
    "certify": _Entry("certify", _EVERYONE, "Sign certificates of jobs that have ended."),
    "usage": _Entry("usage", _EVERYONE, "Show jobs and compute hours of a registry."),
    "site": _Entry("site", _EVERYONE, "Write the website of a registry."),
    "publish": _Entry("publish", _EVERYONE, "Publish an uploaded website on GitHub Pages."),
    "access": _Entry("access", _EVERYONE, "Lend users access for hours; no long-lived keys."),
    "deploy": _Entry("deploy", _EVERYONE, "Bring the platform in the cloud to what main says."),
    "worker": _Entry("worker", _EVERYONE, "Execute one run from its spec (what engines start)."),
}


class _Group(click.Group):
    """A group that knows its commands by name and loads them on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            import difflib

            near = difflib.get_close_matches(cmd_name, _COMMANDS, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            ctx.fail(f"no command `{cmd_name}`{hint}")
        module = importlib.import_module(f"neurocaas_ci.cli.{entry.module}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        for section in (_PUBLISHER, _SCIENTIST, _AUDITOR, _EVERYONE):
            with formatter.section(section):
                rows = [(n, e.help) for n, e in _COMMANDS.items() if e.section == section]
                formatter.write_dl(rows)


@click.command(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="neurocaas %(version)s")
@click.option("-v", "--verbose", is_flag=True, help="Show a traceback when something goes wrong.")
def cli(*, verbose: bool) -> None:
    """Publish analyses by pull request, run them reproducibly, replay them exactly."""
