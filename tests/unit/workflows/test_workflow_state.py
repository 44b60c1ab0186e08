"""Where no home stays, the state of a run reaches the job that signs it, with modes and links."""

import os
import subprocess
from pathlib import Path

from workflow_files import read

ROOT = Path(__file__).resolve().parents[3]


def script(path, step):
    """Return what a step of our workflow runs."""
    (flow,) = read({path: (ROOT / ".github/workflows" / path).read_text()})
    (found,) = [s["run"] for job in flow.jobs for s in job.steps if s.get("name") == step]
    return found


def play(text, folder, data):
    """Run a step as GitHub does."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "XDG_DATA_HOME": str(data)}
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", text], cwd=folder, env=env, check=True, timeout=30
    )


def hand_on(tmp_path):
    play(script("run.yml", "Pack the state"), tmp_path / "run", tmp_path / "before")
    (tmp_path / "sign/state").mkdir(parents=True)
    (tmp_path / "run/state.tar").rename(tmp_path / "sign/state/state.tar")
    play(script("sign.yml", "Unpack the state"), tmp_path / "sign", tmp_path / "after")
    return tmp_path / "after/neurocaas"


def test_state_arrives_as_it_was_and_the_cache_stays_behind(tmp_path):
    home = tmp_path / "before/neurocaas"
    (home / "store").mkdir(parents=True)
    (home / "cache").mkdir()
    (home / "cache/big").write_text("x")
    (home / "store/.hidden").write_text("kept")
    (home / "store/blob").write_text("kept")
    (home / "store/blob").chmod(0o444)
    (home / "store/link").symlink_to("blob")
    arrived = hand_on(tmp_path)
    assert sorted(path.name for path in arrived.rglob("*")) == [".hidden", "blob", "link", "store"]
    assert (arrived / "store/blob").stat().st_mode & 0o777 == 0o444
    assert os.readlink(arrived / "store/link") == "blob"


def test_a_run_that_had_nothing_to_do_hands_on_nothing(tmp_path):
    assert list(hand_on(tmp_path).iterdir()) == []
