"""The guides as sessions: one registry, in which operator, publisher and scientist follow each other."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from transcript import Shell, play

DOCS = Path(__file__).resolve().parents[2] / "docs"
_ORDER = ("operator", "publisher", "scientist", "auditor")
_LOGINS = {"operator": "ada", "publisher": "ada", "scientist": "grace", "auditor": "rosalind"}
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# The guide's base are Debian packages; without a network it is the Python that runs this test.
_HOST_BASE = {
    "neurocaas init blueprint": (
        "sed -i -e 's/^base: .*/base: {kind: host}/'"
        f" -e 's/^python: .*/python: \"{_PYTHON}\"/'"
        f" -e 's|^entrypoint: .*|entrypoint: [/opt/python/bin/python{_PYTHON}, -s, -P, /iae/workflow.py]|'"
        " iae/*/iae.yaml"
    )
}


class Sessions:
    """Plays guides in their order, each once, all in one folder."""

    def __init__(self, folder: Path, *, base: str) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._after = _HOST_BASE if base == "host" else {}
        self._failed = ""
        self._played = {}

    def play(self, name: str, timeout: float = 60):
        """Play a guide, and before it those that it builds on; return its steps."""
        for guide in _ORDER[: _ORDER.index(name) + 1]:
            if self._failed:
                pytest.fail(f"{self._failed}.md has failed already")
            if guide not in self._played:
                self._failed = guide
                with Shell(self.folder, self._environment(guide)) as shell:
                    self._played[guide] = play(DOCS / f"{guide}.md", shell, timeout, self._after)
                self._failed = ""
        return self._played[name]

    def _environment(self, guide: str) -> dict[str, str]:
        own = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))}
        person = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", _LOGINS[guide]), ("EMAIL", f"{_LOGINS[guide]}@example.org"))
        }
        return {
            **own,
            **person,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "NEUROCAAS_HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "80",
        }


def _sessions(base: str):
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-sessions-"))
    folder.chmod(0o755)
    yield Sessions(folder, base=base)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sessions():
    """Sessions that need no network."""
    yield from _sessions("host")


@pytest.fixture(scope="session")
def sessions_as_written():
    """Sessions exactly as the guides show them: with a base of Debian packages."""
    yield from _sessions("deb")
