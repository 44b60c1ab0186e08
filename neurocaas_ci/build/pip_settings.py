"""Where packages come from and what fetches them: pip, uv, and what this machine tells them.

No address is written in any lock file.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError


def uv() -> str | None:
    """Return the path of uv, or None."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv")


def pip_command() -> list[str]:
    """Return what starts pip; raise BackendUnavailableError without one."""
    import importlib.util

    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if program := shutil.which(name):
            return [program]
    if program := uv():
        return [program, "tool", "run", "pip"]
    raise BackendUnavailableError(
        "downloading wheels needs pip",
        where="pip",
        hint="install it for this Python: python3 -m ensurepip",
    )


def index_address() -> str | None:
    """Return the address of the package index that is configured here, or None for uv's own."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX"):
        if name in os.environ:
            return os.environ[name].split()[0] if os.environ[name].strip() else None
    return index_of_pip().get("UV_DEFAULT_INDEX")


def index_of_pip() -> dict[str, str]:
    """Let uv, which does not read pip's configuration, look in the same places as pip."""
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX")):
        return {}
    found = {}
    address = pip_setting("index-url")
    if address.startswith(("http://", "https://")):
        found["UV_DEFAULT_INDEX"] = address
    links = pip_setting("find-links").split()
    if links and "UV_FIND_LINKS" not in os.environ:
        # uv takes a list with commas.
        found["UV_FIND_LINKS"] = ",".join(links)
    return found


def pip_help() -> str:
    """Return what pip says about downloading; its default index is named there and nowhere else."""
    done = subprocess.run(
        [*pip_command(), "download", "--help"], capture_output=True, text=True, check=False
    )
    return done.stdout


def pip_setting(name: str) -> str:
    """Return a setting of pip for all commands, from its variable or its files; empty: not set."""
    own = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")
    places = ("PIP_CONFIG_FILE", "HOME", "XDG_CONFIG_HOME")
    return own or _in_files(tuple(os.environ.get(place) for place in places)).get(name, "")


@functools.cache
def _in_files(_places: tuple[str | None, ...]) -> Mapping[str, str]:
    """Return what pip's files say; starting pip takes as long as all the rest of a short build."""
    done = subprocess.run(
        [*pip_command(), "config", "list"], capture_output=True, text=True, check=False
    )
    found = re.findall(r"^global\.([a-z-]+)=(.+)$", done.stdout, re.MULTILINE)
    return {name: str(ast.literal_eval(value)) for name, value in found}
