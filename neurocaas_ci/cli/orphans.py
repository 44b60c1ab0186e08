"""`neurocaas data orphans`: logs of killed workers that nothing names, listed or removed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from neurocaas_ci.cli.common import (
    fetch_option,
    find_repo,
    human_size,
    main_ref,
    open_home,
    repo_option,
    say,
)
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.orphans import orphaned_logs

_DAY = 86400


@click.command("orphans")
@click.option("--remove", is_flag=True, help="Remove them; without it they are only listed.")
@click.option(
    "--days", type=click.IntRange(min=1), default=7, show_default=True,
    help="Only what was stored longer ago; longer than any run may take.",
)  # fmt: skip
@repo_option
@fetch_option
def orphans(days: int, repo: Path | None, *, remove: bool, fetch: bool) -> None:
    """List logs in the store that nothing names, a `sha256 size stored` line for each.

    A worker that is killed between its log and its record leaves such a log; its run is repeated, with
    a log of its own. What any document of the store, any manifest or any certificate on main names is
    never listed, nor is anything that is not a log.
    """
    root, home = find_repo(repo), open_home()
    before = time.time() - days * _DAY
    with GitTree(root, main_ref(root, fetch=fetch)) as head:
        found = orphaned_logs(home.blobs, home.state, _documents(head), before)
    for one in found:
        if remove:
            home.blobs.erase(one.sha256)
        when = datetime.fromtimestamp(one.time, UTC).isoformat(timespec="seconds")
        click.echo(f"{one.sha256} {one.size} {when}")
    size = human_size(sum(one.size for one in found))
    say(f"{len(found)} orphaned logs, {size}, {'removed' if remove else 'found'}")
    if found and not remove:
        say("  next: the same with --remove")


def _documents(head: GitTree) -> Iterator[bytes]:
    """Yield what of main may name contents; of certificates what is signed in them as well."""
    for folder in ("registry/jobs", "certificates"):
        for entry in head.entries(folder):
            data = head.read(entry.path) or b""
            yield data
            if entry.path.endswith(".json"):
                yield _payload(data)


def _payload(data: bytes) -> bytes:
    try:
        return base64.b64decode(json.loads(data)["dsseEnvelope"]["payload"])
    except (ValueError, KeyError, TypeError):
        # Its own text was looked at; what is wrong with it is for `neurocaas audit` to say.
        return b""
