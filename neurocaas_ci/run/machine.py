"""What this machine is, and whether an environment's determinism profile holds on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError

# A profile names the instruction sets that its kernels are pinned to; with fewer the same
# program gives other bits, see docs/reference/iae.md.
_NEEDED = {"x86-64-v3": ("avx2", "fma", "bmi2"), "none": ()}


def machine_facts() -> dict[str, Any]:
    """Return what a record says of the machine: CPU model and flags, processors, kernel."""
    model, flags = "", ""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            name, _, value = line.partition(":")
            name = name.strip()
            if name == "model name" and not model:
                model = value.strip()
            elif name in {"flags", "Features"} and not flags:
                flags = value.strip()
    uname = os.uname()
    return {
        "cpu_model": model,
        "cpu_flags": sorted(flags.split()),
        "cpus": len(os.sched_getaffinity(0)),
        "machine": uname.machine,
        "kernel": f"{uname.sysname} {uname.release}",
    }


def require_profile(profile: str, facts: Mapping[str, Any], *, where: str) -> None:
    """Raise BackendUnavailableError when this CPU cannot give the profile's bits."""
    missing = [flag for flag in _NEEDED.get(profile, ()) if flag not in facts["cpu_flags"]]
    if missing:
        raise BackendUnavailableError(
            f"this CPU lacks {', '.join(missing)}, which determinism profile {profile} needs",
            where=where,
            hint="run the job on a machine with an x86-64-v3 processor (Haswell, Zen or later)",
        )


def available_memory() -> int:
    """Return how many bytes of memory runs may use at once: what the kernel calls available."""
    with open("/proc/meminfo", encoding="ascii") as stream:
        for line in stream:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
