"""Where a signed verdict lies: with its job, and apart from one that says the same."""

from __future__ import annotations

from neurocaas_ci.audit.attest import verdict_path
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.places import replayed_job
from neurocaas_ci.model.replay import Replay


def test_two_verdicts_of_one_second_have_two_places():
    replay = Replay(
        Sha256("a" * 64), "ada/2026-11/x", "identical", "", (), {},
        "2026-11-01T00:00:09Z", "2026-11-01T00:00:09Z",
    )  # fmt: skip
    paths = {verdict_path(replay, bundle) for bundle in (b"one signature", b"another one")}
    assert len(paths) == 2
    assert {replayed_job(path) for path in paths} == {"ada/2026-11/x"}
    assert all("/x.replays/20261101T000009Z-identical-" in path for path in paths)
