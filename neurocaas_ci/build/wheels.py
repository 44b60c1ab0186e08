"""Choose, lock and download wheels with the machine's own pip and uv configuration.

uv resolves (it evaluates environment markers for the IAE's Python, whatever Python runs the
builder); pip then picks and downloads the one wheel per package that fits the IAE, and that wheel's
digest is what is locked. Indexes, proxies, certificates and find-links come from their own
configuration.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from neurocaas_ci.build.cache import Cache, disk_errors
from neurocaas_ci.build.locks import LockedWheel
from neurocaas_ci.build.pip_settings import index_of_pip, pip_command, uv
from neurocaas_ci.build.target import WheelTarget
from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.digest import Sha256

_TIMEOUT = 1800
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_OFFLINE = re.compile(
    r"(connection|timed? ?out|temporary failure|name resolution|unreachable|error sending request"
    r"|retrying|dns error|proxy)",
    re.IGNORECASE,
)


def lock_wheels(
    requirements: bytes,
    target: WheelTarget,
    cache: Cache,
    say: Callable[[str], None],
    built: Sequence[tuple[str, str, Path]] = (),
) -> tuple[LockedWheel, ...]:
    """Return the wheels that satisfy a requirements.in, downloaded into the cache.

    Packages (name, version, file) that are `built` here are not among them, but what they need is.

    Raise BuildError when there is no solution, or a package has no wheel for the target;
    BackendUnavailableError when the index cannot be reached.
    """
    if not built and not _has_requirements(requirements):
        return ()
    with cache.workspace() as workspace:
        wanted = workspace / "requirements.in"
        wanted.write_bytes(requirements + _shown_to_resolver(built, workspace / "built"))
        links = ["--find-links", str(workspace / "built")] if built else []
        names = {name for name, _, _ in built}
        pinned = [
            pin for pin in _resolve(wanted, target, links, say) if _normal(pin[0]) not in names
        ]
        if not pinned:
            return ()
        say(f"choosing wheels for {len(pinned)} packages")
        folder = workspace / "wheels"
        exact = workspace / "pinned.txt"
        exact.write_text("".join(f"{name}=={version}\n" for name, version in pinned))
        _pip(["download", "--no-deps", "--dest", str(folder), *target.pip_options()], exact)
        return tuple(
            sorted(
                (_keep(cache, path) for path in folder.glob("*.whl")), key=lambda wheel: wheel.name
            )
        )


def fetch_wheels(
    wheels: Sequence[LockedWheel], target: WheelTarget, cache: Cache, say: Callable[[str], None]
) -> list[tuple[str, Path]]:
    """Return (name, file) of the locked wheels, downloaded where the cache has no sound copy.

    Raise BuildError when a wheel is gone or not the locked one, BackendUnavailableError when the
    index cannot be reached.
    """
    paths = [cache.download_path("wheels", wheel.sha256) for wheel in wheels]
    missing = [
        wheel
        for wheel, path in zip(wheels, paths, strict=True)
        if not path.exists() or _sha256(path) != wheel.sha256
    ]
    if missing:
        say(f"downloading {len(missing)} wheels")
        with cache.workspace() as workspace:
            exact = workspace / "requirements.txt"
            exact.write_text(
                "".join(f"{w.name}=={w.version} --hash=sha256:{w.sha256}\n" for w in missing)
            )
            folder = workspace / "wheels"
            command = ["download", "--no-deps", "--require-hashes", "--dest", str(folder)]
            _pip([*command, *target.pip_options()], exact)
            got = {_keep(cache, path).sha256 for path in folder.glob("*.whl")}
        for wheel in missing:
            if wheel.sha256 not in got:
                raise BuildError(
                    "the index answered with another file",
                    where=f"{wheel.name}=={wheel.version}",
                    hint="lock again with --upgrade",
                )
    return [
        (f"{wheel.name}=={wheel.version}", path) for wheel, path in zip(wheels, paths, strict=True)
    ]


def _shown_to_resolver(built: Sequence[tuple[str, str, Path]], folder: Path) -> bytes:
    """Put built wheels where a resolver finds them; return the requirements that name them."""
    if built:
        folder.mkdir()
    for name, version, path in built:
        # A resolver looks at what it needs; that it fits, whatever its tags, is known already.
        (folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl").symlink_to(path)
    return "".join(f"\n{name}=={version}\n" for name, version, _ in built).encode()


def _has_requirements(requirements: bytes) -> bool:
    lines = (line.strip() for line in requirements.splitlines())
    return any(line and not line.startswith(b"#") for line in lines)


def _resolve(
    wanted: Path, target: WheelTarget, links: Sequence[str], say: Callable[[str], None]
) -> list[tuple[str, str]]:
    program = uv()
    if program is None:
        say("uv is not installed; resolving with pip")
        return _resolve_with_pip(wanted, target, links)
    say("resolving with uv")
    command = [
        *(program, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-config"),
        *("--only-binary", ":all:", "--no-emit-index-url", "--no-emit-find-links"),
        *("--python-version", target.python),
        *("--python-platform", f"{target.machine}-manylinux_{target.glibc[0]}_{target.glibc[1]}"),
        *links,
        str(wanted),
    ]
    return _PINNED.findall(_run(command, index_of_pip()))


def _resolve_with_pip(
    wanted: Path, target: WheelTarget, links: Sequence[str]
) -> list[tuple[str, str]]:
    if target.python != f"{sys.version_info[0]}.{sys.version_info[1]}":
        raise BackendUnavailableError(
            f"pip can resolve only for the Python that it runs on, which is not {target.python}",
            where="requirements.in",
            hint="install uv (pip install uv) and try again",
        )
    # `download` resolves with the markers of the running Python, which is the IAE's here.
    folder = wanted.with_name("resolved")
    _pip(["download", "--dest", str(folder), *links, *target.pip_options()], wanted)
    return [_identity(path) for path in sorted(folder.glob("*.whl"))]


def _pip(arguments: Sequence[str], requirements: Path) -> None:
    common = ["--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--quiet"]
    _run([*pip_command(), *arguments, *common, "--requirement", str(requirements)], {})


def _run(command: Sequence[str], extra: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
            env={**os.environ, **extra},
        )
    except subprocess.TimeoutExpired as error:
        raise BackendUnavailableError(
            f"the index did not answer within {_TIMEOUT} s", where="requirements"
        ) from error
    if done.returncode == 0:
        return done.stdout
    reason = _without_addresses(done.stderr.strip() or done.stdout.strip())
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in reason:
        raise BuildError(
            f"the index serves another file than the locked one: {reason}",
            where="requirements.lock",
            hint="a proxy is damaged or the package was replaced; lock again with --upgrade",
        )
    if _OFFLINE.search(reason):
        raise BackendUnavailableError(
            f"the package index cannot be reached: {reason}",
            where="requirements",
            hint="check the network and the pip or uv configuration, then try again",
        )
    raise BuildError(
        reason,
        where="requirements",
        hint="every package needs a wheel for this Python and platform; packages that are published "
        "as source only are refused here: choose another version, or build it from source "
        "(sources in iae.yaml, docs/reference/iae.md)",
    )


def _without_addresses(text: str) -> str:
    """Hide user names and passwords of index addresses."""
    return re.sub(r"(https?://)[^/\s@]+@", r"\1", text)


def _keep(cache: Cache, path: Path) -> LockedWheel:
    name, version = _identity(path)
    wheel = LockedWheel(name, version, _sha256(path))
    target = cache.download_path("wheels", wheel.sha256)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o644)
        shutil.move(path, target)
    return wheel


def _identity(path: Path) -> tuple[str, str]:
    """Return normalised name and version from a wheel's file name."""
    if not zipfile.is_zipfile(path):
        raise BuildError("the index served something that is no wheel", where=path.name)
    name, version, *_ = path.name.split("-")
    return _normal(name), version


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(path: Path) -> Sha256:
    with path.open("rb") as file:
        return Sha256(hashlib.file_digest(file, "sha256").hexdigest())
