"""Check a repository out as actions/checkout does; set ready what `scripts/setup` would install.

Runs inside the box, with nothing but the standard library.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_STAMPED = (
    "requirements.lock", "requirements-dev.lock", "requirements-sandbox.lock", "pyproject.toml",
    "scripts/setup",
)  # fmt: skip
_COMMIT = re.compile("[0-9a-f]{40}")
_TRUSTED_EVENTS = ("pull_request_target", "workflow_run")


def main() -> int:
    """Do what the inputs say."""
    given = os.environ
    own = given["REPOSITORY"] == given["GITHUB_REPOSITORY"]
    ref, commit = given["REF"], ""
    if own and not ref:
        ref, commit = given["GITHUB_REF"], given["GITHUB_SHA"]
    elif _COMMIT.fullmatch(ref):
        ref, commit = "", ref
    if given["GITHUB_EVENT_NAME"] in _TRUSTED_EVENTS and ref.startswith("refs/pull/"):
        _say(f"::error::{ref} is not checked out in {given['GITHUB_EVENT_NAME']}")
        return 1
    workspace = Path(given["GITHUB_WORKSPACE"]).resolve()
    folder = (workspace / given["FOLDER"]).resolve()
    if not folder.is_relative_to(workspace):
        _say(f"::error::{folder} is not within the workspace")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    _identify()
    _fetch(folder, ref, commit)
    with Path(given["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"commit={_git(folder, 'rev-parse', 'HEAD')}\nref={ref}\n")
    if "STANDIN_READY" in given:
        _make_ready(folder, json.loads(given["STANDIN_READY"]))
    return 0


def _identify() -> None:
    """Let the job ask for its own identity, or for none; act gives the address to all of them."""
    known = os.environ.get("STANDIN_IDENTITIES")
    if known is None:
        return
    job, name = os.environ["GITHUB_JOB"], "ACTIONS_ID_TOKEN_REQUEST_URL"
    # A job of a matrix has its number behind its name.
    mine = [one for one in known.split() if re.fullmatch(rf"{re.escape(one)}(-[0-9]+)?", job)]
    address = f"{os.environ[name]}&job={max(mine, key=len)}" if mine else ""
    with Path(os.environ["GITHUB_ENV"]).open("a") as variables:
        variables.write(f"{name}={address}\n")


def _fetch(folder: Path, ref: str, commit: str) -> None:
    given = os.environ
    secret = base64.b64encode(f"x-access-token:{given['TOKEN']}".encode()).decode()
    _say(f"::add-mask::{secret}")
    server = given["GITHUB_SERVER_URL"]
    name, header = f"http.{server}/.extraheader", f"AUTHORIZATION: basic {secret}"
    identified = ["-c", f"{name}={header}"]
    _git(folder, "init", "-q", "-b", "main")
    if "origin" not in _git(folder, "remote").split():
        _git(folder, "remote", "add", "origin", f"{server}/{given['REPOSITORY']}")
    options = ["--no-tags"]
    specs, checkout = _meant(ref, commit, lambda: _git(folder, *identified, "ls-remote", "origin"))
    if given["DEPTH"] != "0":
        options.append(f"--depth={given['DEPTH']}")
    if given["FILTER"]:
        options.append(f"--filter={given['FILTER']}")
    if given["SPARSE"]:
        cone = "--cone" if given["CONE"] == "true" else "--no-cone"
        _git(folder, "sparse-checkout", "set", cone, *given["SPARSE"].splitlines())
    fetch = [*identified, "fetch", "-q", *options, "origin"]
    if given["DEPTH"] == "0":
        everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        _git(folder, *fetch, *everything)
    # A branch may have moved on since the event.
    _git(folder, *fetch, *specs)
    _git(folder, *identified, "checkout", "-q", "--force", *checkout)
    if given["PERSIST"] == "true":
        _git(folder, "config", name, header)


def _meant(ref: str, commit: str, listing: Callable[[], str]) -> tuple[list[str], list[str]]:
    """Return what to fetch and what to check out, as the real one's ref-helper.ts does."""
    if ref and not ref.startswith("refs/"):
        known = [line.split("\t")[1] for line in listing().splitlines()]
        full = [name for kind in ("heads", "tags") if (name := f"refs/{kind}/{ref}") in known]
        if not full:
            _say(f"::error::a branch or tag with the name {ref!r} could not be found")
            sys.exit(1)
        ref = full[0]
    if not ref:
        return [commit or "HEAD"], ["--detach", commit or "FETCH_HEAD"]
    if ref.startswith("refs/heads/"):
        branch = ref.removeprefix("refs/heads/")
        local = f"refs/remotes/origin/{branch}"
        return [f"+{commit or ref}:{local}"], ["-B", branch, local]
    local = ref if ref.startswith("refs/tags/") else f"refs/remotes/{ref.removeprefix('refs/')}"
    return [f"+{commit or ref}:{local}"], ["--detach", local]


def _make_ready(folder: Path, ready: dict[str, str]) -> None:
    """Put a .venv there that `scripts/setup` takes for its own, if it would install the same.

    A commit that changes what is installed, or brings a .venv along, gets none: its set-up runs.
    """
    venv = folder / ".venv"
    if os.path.lexists(venv) or not all((folder / name).is_file() for name in _STAMPED):
        return
    content = b"".join((folder / name).read_bytes() for name in _STAMPED)
    total = hashlib.sha256(content).hexdigest()
    if total != ready["sum"]:
        return
    site = venv / "lib" / ready["version"] / "site-packages"
    site.mkdir(parents=True)
    (site / "ready.pth").write_text(f"{folder}\n{ready['site']}\n")
    (venv / "pyvenv.cfg").write_text(f"home = {os.path.dirname(ready['python'])}\n")
    programs = venv / "bin"
    programs.mkdir()
    for name in ("python", "python3"):
        (programs / name).symlink_to(ready["python"])
    if ready["bwrap"]:
        (programs / "bwrap").symlink_to(ready["bwrap"])
    script = programs / "neurocaas"
    script.write_text(
        f"#!{programs}/python\n"
        "import sys\nfrom neurocaas_ci.cli.main import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    (venv / ".setup-run").write_text(f"{total} {folder}")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        _say(f"::error::{arguments[-1]}: {done.stderr.strip()}".replace("\n", "%0A"))
        sys.exit(1)
    return done.stdout.strip()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
