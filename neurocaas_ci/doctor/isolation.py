"""Checks of what isolates runs: user namespaces, and a sandbox in which a program really runs."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from neurocaas_ci.doctor.check import Check, Outcome, fail, ok, warn
from neurocaas_ci.errors import SandboxUnavailableError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.sandbox import Sandbox, SandboxRequest
from neurocaas_ci.run.scratch import Scratch

_SYSCTLS = Path("/proc/sys")
_SECONDS = 30
_FOLDERS = ("proc", "dev", "tmp", "inputs", "outputs")
# x86-64: mov edi, 7; mov eax, 60 (exit); syscall.
_CODE = bytes.fromhex("bf07000000 b83c000000 0f05")
_EXIT = 7
_BASE = 0x400000
_HEADERS = 64 + 56


def checks(home: Home) -> list[Check]:
    """Return the checks; runs have their folders below `home`, which they can reach."""
    return [
        Check("user-namespaces", _namespaces),
        Check("sandbox", lambda: _sandbox(home)),
    ]


def _namespaces(sysctls: Path = _SYSCTLS) -> Outcome:
    if _number(sysctls / "user/max_user_namespaces") == 0:
        fix = "sudo sysctl -w user.max_user_namespaces=15000"
        return fail("this machine allows no user namespaces", fix)
    if os.geteuid() == 0:
        return ok("root may make user namespaces")
    if _number(sysctls / "kernel/unprivileged_userns_clone") == 0:
        fix = "sudo sysctl -w kernel.unprivileged_userns_clone=1"
        return fail("the kernel forbids user namespaces to users", fix)
    if _number(sysctls / "kernel/apparmor_restrict_unprivileged_userns") == 1:
        # A profile for bwrap lifts this for bwrap alone; the sandbox check shows whether it does.
        fix = (
            "if the sandbox does not work: give bwrap an AppArmor profile "
            "(docs/reference/sandbox.md)"
        )
        return warn("AppArmor allows user namespaces only to programs with a profile", fix)
    return ok("users may make user namespaces")


def _sandbox(home: Home) -> Outcome:
    """Run a program of its own in a root of its own: nothing of this machine has to be copied."""
    if os.uname().machine != "x86_64":
        return fail("runs need a processor of the kind x86-64", "use another machine")
    with Scratch(home.scratch) as scratch:
        folder = scratch.new()
        root, inputs, outputs = folder / "root", folder / "inputs", folder / "outputs"
        for path in (root, inputs, outputs, *(root / name for name in _FOLDERS)):
            path.mkdir()
        program = root / "program"
        program.write_bytes(_program())
        program.chmod(0o755)
        try:
            sandbox = Sandbox.probe("sandbox", folder)
        except SandboxUnavailableError as error:
            message = f"{error.where}: {error.message}{_or_a_chroot(folder)}"
            return fail(message, error.hint)
        result = sandbox.execute(
            SandboxRequest(
                root=root,
                command=("/program",),
                environment={},
                inputs=inputs,
                outputs=outputs,
                log=folder / "log",
                limits=RunLimits(),
                max_runtime=_SECONDS,
            )
        )
        said = (folder / "log").read_text(encoding="utf-8", errors="replace").strip()
    if result.exit_code != _EXIT:
        message = f"a program did not run as it should: {result.message or result.reason} {said}"
        return fail(message.strip(), "docs/reference/sandbox.md says what a sandbox needs")
    if result.isolation.cgroup == "none":
        fix = (
            "give the user a cgroup of its own: systemd-run --user --scope -p Delegate=yes, or "
            "run in a container with a writable /sys/fs/cgroup"
        )
        return warn("a program runs in it, but memory is only watched, not bounded", fix)
    return ok(f"a program runs in it, bounded by cgroups ({result.isolation.cgroup})")


def _or_a_chroot(folder: Path) -> str:
    """Say whether root of a container without namespaces could confine runs by chroot."""
    if os.geteuid() != 0:
        return ""
    try:
        Sandbox.probe("chroot", folder)
    except SandboxUnavailableError as error:
        return f"; nor does a chroot work, which is less: {error.message}"
    return "; a chroot works, which is less (docs/reference/sandbox.md)"


def _program() -> bytes:
    """Return an executable that ends with the exit code 7 (System V ABI, Object Files)."""
    size = _HEADERS + len(_CODE)
    header = struct.pack(
        "<4sBBBBQHHIQQQIHHHHHH",
        *(b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0),
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + _CODE


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
