"""Find out whether this machine can isolate a run, and explain what to do where it cannot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from neurocaas_ci.bubblewrap import find_bwrap
from neurocaas_ci.errors import SandboxUnavailableError
from neurocaas_ci.run.sandbox.command import NOBODY, Tools

_SECONDS = 30
_INSTEAD = "or run without isolation, which is recorded, with `--isolation none`"
_WHERE = "sandbox"
_DENIALS = ("Permission denied", "Operation not permitted", "No permissions", "RTM_NEWADDR")


def find_tools(scratch: Path, *, own_network: bool = False) -> Tools:
    """Return the programs of a working sandbox, after having tried one.

    `scratch` is a folder that runs will be given. Call it in a launching thread, which has the
    rights of a run, and say whether that has an empty network of its own, which its runs get. Raise SandboxUnavailableError with the cause.
    """
    tools = Tools(_bwrap(), own_network=own_network)
    failure = _try(tools, scratch)
    if failure is not None and "--disable-userns" in failure:
        # Before 0.8.0; the system call filter refuses new namespaces as well.
        tools = tools._replace(nested=False)
        failure = _try(tools, scratch)
    if failure is not None:
        raise explain(failure, scratch)
    return tools


def _bwrap() -> str:
    found = find_bwrap()
    if found is None:
        raise SandboxUnavailableError(
            "bubblewrap (bwrap) is not installed",
            where=_WHERE,
            hint=f"install it with `sudo apt-get install bubblewrap`, or name it with NEUROCAAS_BWRAP,"
            f" {_INSTEAD}",
        )
    return found


def _try(tools: Tools, scratch: Path) -> str | None:
    """Start a sandbox that does nothing; return what went wrong, or None."""
    nested = ["--disable-userns"] if tools.nested else []
    network = ["--share-net"] if tools.own_network else []
    line = [tools.bwrap, "--unshare-user", "--unshare-all", *network, *nested]
    line += ["--uid", str(NOBODY), "--gid", str(NOBODY), "--die-with-parent", "--new-session"]
    line += ["--cap-drop", "ALL", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"]
    line += ["--tmpfs", "/tmp", "--ro-bind", str(scratch), "/tmp/scratch"]  # noqa: S108 - inside
    line += ["--remount-ro", "/dev", "--", "/bin/sh", "-c", ":"]
    try:
        done = subprocess.run(
            line,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    text = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
    return text or f"exit status {done.returncode}"


def explain(failure: str, scratch: Path) -> SandboxUnavailableError:
    """Return the error for what bubblewrap said, with the way out for this machine."""
    denied = any(word in failure for word in _DENIALS)
    if "Can't find source path" in failure or "bind mount" in failure.lower():
        cause = "the folder of runs cannot be shown to a sandbox"
        fix = (
            f"uid {NOBODY} must reach {scratch}: `chmod o+x` on the folders above it,"
            " or move NEUROCAAS_HOME to a place that others can search"
        )
    elif os.environ.get("AWS_EXECUTION_ENV") == "AWS_ECS_FARGATE":
        cause = "AWS Fargate lets no container make namespaces"
        fix = (
            "run it on an instance type, or in a chroot, which is less and is recorded, with"
            " NEUROCAAS_BATCH_FARGATE=chroot (docs/aws-batch.md)"
        )
    elif _sysctl("kernel/apparmor_restrict_unprivileged_userns") == 1 and denied:
        cause = "AppArmor forbids user namespaces"
        fix = (
            "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or give bwrap an"
            f" AppArmor profile (docs/reference/sandbox.md), {_INSTEAD}"
        )
    elif _in_container() and denied:
        cause = "this container may not make namespaces"
        fix = (
            "start the container with `--security-opt seccomp=unconfined --security-opt"
            f" apparmor=unconfined --security-opt systempaths=unconfined`, {_INSTEAD}"
        )
    elif _sysctl("kernel/unprivileged_userns_clone") == 0:
        cause = "the kernel forbids user namespaces to users"
        fix = f"`sudo sysctl -w kernel.unprivileged_userns_clone=1`, {_INSTEAD}"
    elif _sysctl("user/max_user_namespaces") == 0 or "No space left on device" in failure:
        cause = "this machine allows no more user namespaces"
        fix = f"`sudo sysctl -w user.max_user_namespaces=15000`, {_INSTEAD}"
    elif "Unknown option" in failure:
        cause = "this bubblewrap is too old"
        fix = f"install version 0.5.0 or later, {_INSTEAD}"
    else:
        cause = "bubblewrap cannot make a sandbox here"
        fix = f"the kernel needs user namespaces (docs/reference/sandbox.md), {_INSTEAD}"
    return SandboxUnavailableError(f"{cause}: {failure}", where=_WHERE, hint=fix)


def _sysctl(name: str) -> int | None:
    try:
        return int(Path("/proc/sys", name).read_text())
    except (OSError, ValueError):
        return None


def _in_container() -> bool:
    return any(os.path.exists(path) for path in ("/.dockerenv", "/run/.containerenv"))
