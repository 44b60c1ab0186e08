"""`neurocaas rebuild`: build the environments of a change from nothing, and run their samples twice."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from neurocaas_ci.cli.common import find_repo, open_home, repo_option, say
from neurocaas_ci.cli.trial_of import user_of
from neurocaas_ci.errors import (
    BuildError,
    FindingsError,
    NeurocaasError,
    SandboxUnavailableError,
    UsageError,
)
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.run import RunRecord
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import between, touched_environments
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR
from neurocaas_ci.report.plain import printable
from neurocaas_ci.report.rebuilds import Rebuild, as_json, is_name
from neurocaas_ci.run.home import Home

_MAX_SAMPLE = 100_000_000
_SECONDS = 600


@click.command("rebuild", short_help="Prove that the environments of a change can be rebuilt.")
@click.option("--base", required=True, metavar="REV", help="What the change is compared with.")
@click.option("--head", required=True, metavar="REV", help="The commit with the sources.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what was found as JSON into this file (default: stdout).",
)
@repo_option
def command(base: str, head: str, output: Path | None, repo: Path | None) -> None:
    """Build every environment that a change touches from nothing, and run its sample twice.

    The sources are read from the commit HEAD, without a checkout. The image has to be the one that
    iae.lock pins, and the sample has to give the same outputs both times; it runs in the sandbox.
    Exits with 11 when something is not reproduced. Nothing is done when no environment changed.
    """
    root = find_repo(repo)
    found: list[Rebuild] = []
    bad: list[str] = []
    with ExitStack() as stack:
        tree = stack.enter_context(GitTree(root, head))
        before = stack.enter_context(GitTree(root, base))
        registry = Registry(tree)
        names = _touched(root, before.commit, tree, registry)
        for name in names:
            if not is_name(name):
                say(f"iae/{printable(name)} is no name of an environment; it is not built")
                bad.append(printable(name))
                continue
            say(f"rebuilding iae/{name}")
            one = _rebuild(tree, registry, name)
            say(f"  {one.verdict}: {one.detail}")
            found.append(one)
    text = as_json(found)
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"the file cannot be written: {error.strerror}",
                where=str(output),
                hint="name a file in a folder that is there",
            ) from error
    if not found and not bad:
        say("no environment changed")
    bad += [one.name for one in found if one.verdict != "reproduced"]
    if bad:
        raise BuildError(
            f"not reproduced: {', '.join(bad)}",
            hint="lock again (`neurocaas iae lock NAME`), commit, and try `neurocaas build --check`",
        )


def _touched(repo: Path, base: str, tree: GitTree, registry: Registry) -> list[str]:
    """Return the environments below which a file changed and that are still there."""
    changed = touched_environments(between(repo, base, tree.commit))
    return sorted(changed & set(registry.iaes()))


def _rebuild(tree: GitTree, registry: Registry, name: str) -> Rebuild:
    from neurocaas_ci.build.builder import Request
    from neurocaas_ci.build.cache import Cache
    from neurocaas_ci.build.check import check
    from neurocaas_ci.build.recipe import sources
    from neurocaas_ci.build.source import load_iae, load_lock

    home = open_home(sandboxed=True)
    try:
        iae = load_iae(tree, name)
        lock = load_lock(tree, name)
        if lock is None:
            return Rebuild(name, "failed", "there is no iae.lock to compare with")
        checked = check(Request(iae, sources(tree, name), Cache(home.cache), say), lock)
        if checked.differences:
            return Rebuild(name, "different", "; ".join(checked.differences))
        with tempfile.TemporaryDirectory(prefix="sample-") as folder:
            place = Path(folder)
            _export(tree, f"iae/{name}/{iae.sample or 'sample'}", place)
            one, other = (_run(tree, registry, name, place, home) for _ in range(2))
    except SandboxUnavailableError:
        raise
    except NeurocaasError as error:
        return Rebuild(name, "failed", error.message)
    for record in (one, other):
        if record.status != "succeeded":
            return Rebuild(name, "failed", f"its sample {record.status}: {record.message}")
    if _outputs(one) != _outputs(other):
        return Rebuild(name, "different", "its sample gave other outputs the second time")
    return Rebuild(
        name, "reproduced", f"image sha256:{lock.image[:16]}, {len(one.outputs)} outputs twice"
    )


def _outputs(record: RunRecord) -> dict[str, str]:
    return {file.path: file.sha256 for file in record.outputs}


def _export(tree: GitTree, prefix: str, place: Path) -> None:
    """Write the regular files below a folder of a commit; raise FindingsError when they are too large."""
    left = _MAX_SAMPLE
    for entry in tree.entries(prefix):
        if entry.mode not in {REGULAR, EXECUTABLE}:
            continue
        content = tree.read(entry.path, left)
        left -= len(content or b"")
        if left < 0:
            raise FindingsError(f"the sample has more than {_MAX_SAMPLE} bytes", where=prefix)
        target = place / entry.path[len(prefix) + 1 :]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content or b"")


def _run(tree: GitTree, registry: Registry, name: str, folder: Path, home: Home) -> RunRecord:
    """Run the sample once, in the sandbox and nowhere else."""
    from neurocaas_ci.build.images import Images
    from neurocaas_ci.run.sandbox import Sandbox
    from neurocaas_ci.run.trial import load_sample, run_sample

    user = user_of(registry, name)
    schema = user[0].parameters if user else {}
    sample = load_sample(folder, dataset=None, parameters={}, schema=schema)
    return run_sample(
        name,
        Images(home.cache, say).ensure(tree, name),
        sample,
        home,
        lambda scratch: Sandbox.probe("sandbox", scratch),
        limits=user[1].limits if user else RunLimits(),
        max_runtime=_SECONDS,
        watch=lambda _: None,
        deliver=lambda _own, _record: None,
    )
