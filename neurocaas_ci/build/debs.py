"""Download locked Debian packages and write the base layer made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurocaas_ci.build.cache import Blob, Cache, disk_errors
from neurocaas_ci.build.deb import deb_entries
from neurocaas_ci.build.download import Wanted, fetch_all, intact
from neurocaas_ci.build.entries import with_parents
from neurocaas_ci.build.locks import LockedDeb
from neurocaas_ci.build.mirrors import mirrors, ordered_for, proxies
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.build.tar import write_tar


def write_base_layer(debs: Sequence[LockedDeb], cache: Cache, say: Callable[[str], None]) -> Blob:
    """Download what the cache does not have, unpack it and keep the layer."""
    fetch_debs(debs, cache, say)
    say(f"unpacking {len(debs)} Debian packages")
    packages = [
        (f"{deb.name} {deb.version}", cache.download_path("debs", deb.sha256)) for deb in debs
    ]
    with cache.workspace() as workspace, Spool(workspace) as spool:
        entries = with_parents(deb_entries(packages, spool))
        return cache.write_blob(workspace, lambda write: write_tar(entries, spool.file, write))


def fetch_debs(debs: Sequence[LockedDeb], cache: Cache, say: Callable[[str], None]) -> None:
    """Make every locked package appear in the download cache, verified."""
    # Mirrors are looked up only when something is missing: a build from the cache needs no apt.
    missing = [d for d in debs if not intact(cache.download_path("debs", d.sha256), d.sha256)]
    if not missing:
        return
    bases = mirrors()
    with disk_errors(cache.downloads):
        fetch_all(
            [
                Wanted(
                    f"{deb.name} {deb.version}",
                    deb.sha256,
                    deb.size,
                    tuple(ordered_for(deb.path, bases)),
                    cache.download_path("debs", deb.sha256),
                )
                for deb in missing
            ],
            say=say,
            proxies=proxies(),
        )
