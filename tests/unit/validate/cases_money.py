"""Cases of the rules on money, ownership and certificates: registries that break one, and others."""

from __future__ import annotations

from builder import BLUEPRINT, JOB, NEW_JOB, Case, mv, new_job, put, sub
from cases_support import ADA, CERTIFICATE, LAB, Table, bad, blueprint, good

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import Microdollars

THIRD = "registry/jobs/ada/2026-11/third.yaml"
OTHER = "certificates/ada/2026-11/other.sigstore.json"
REPLAY = "certificates/ada/2026-11/first.replays/20261101T120000Z-identical-0a1b.sigstore.json"
GRACES = "registry/jobs/grace/2026-11/second.yaml"


def _usd(cap: float, spent: float = 0, reserved: float = 0) -> Balance:
    return Balance(*(Microdollars(int(usd * 1_000_000)) for usd in (cap, spent, reserved)))


ADAS, LABS = Account("user", "ada"), Account("group", "lab")
RICH = ((ADAS, _usd(10)), (LABS, _usd(100)))
ADA_HERSELF, GRACE, STRANGER = Actor(1), Actor(2), Actor(99)
PLATFORM = Actor(3, platform=True)


def _third(files: dict[str, str]) -> None:
    files[THIRD] = files[NEW_JOB].replace("name: second", "name: third")


CASES: Table = {
    "NC-M001": (
        (
            # 2 runs of 30 minutes at 4 USD per hour.
            bad(
                f"{NEW_JOB}:3:7",
                "may cost 4.00 USD, but the user ada has 3.50 USD left",
                new_job(),
                balances=((ADAS, _usd(10, 5, 1.5)), (LABS, _usd(100))),
            ),
            bad(
                f"{NEW_JOB}:4:8",
                "the group lab has 0.50 USD left",
                new_job(),
                balances=((ADAS, _usd(10)), (LABS, _usd(100, 99.5))),
            ),
            bad(
                f"{NEW_JOB}:5:12",
                "the blueprint demo has 3.00 USD left (spent 0.00 USD and reserved 0.00 USD of 3.00 USD)",
                *blueprint("max_cost_usd: 50", "max_cost_usd: 50, budget_usd: 3"),
                new_job(("demo@1.0.0", "demo@1.1.0")),
                balances=RICH,
            ),
            # The second job of one change takes what the first one left.
            bad(
                f"{THIRD}:3:7",
                "has 2.00 USD left",
                new_job(),
                _third,
                balances=((ADAS, _usd(10, 4)), (LABS, _usd(100))),
            ),
            # The budget of the change counts, not that of before.
            bad(
                f"{NEW_JOB}:3:7",
                "has 1.00 USD left",
                sub(ADA, "budget_usd: 10", "budget_usd: 1"),
                new_job(),
                balances=RICH,
            ),
        ),
        (
            good(new_job(), balances=((ADAS, _usd(10, 5, 1)), (LABS, _usd(100, 96)))),
            good(new_job(), _third, balances=((ADAS, _usd(10, 2)), (LABS, _usd(100)))),
            good(
                sub(ADA, "budget_usd: 10", "budget_usd: 20"),
                new_job(),
                balances=((ADAS, _usd(10, 10)), (LABS, _usd(100))),
            ),
            good(new_job()),
            Case((new_job(),), against=False),
        ),
    ),
    "NC-M002": (
        (
            bad(
                f"{ADA}:5:13",
                "the user ada has spent 5.00 USD and reserved 1.00 USD, more than 5.50 USD",
                sub(ADA, "budget_usd: 10", "budget_usd: 5.5"),
                balances=((ADAS, _usd(10, 5, 1)),),
            ),
            bad(
                f"{LAB}:4:13",
                "the group lab has spent 50.00 USD",
                sub(LAB, "budget_usd: 100", "budget_usd: 10"),
                balances=((LABS, _usd(100, 50)),),
            ),
            bad(
                f"{BLUEPRINT}:28:58",
                "the blueprint demo has spent 50.00 USD",
                *blueprint("max_cost_usd: 50", "max_cost_usd: 50, budget_usd: 10"),
                balances=((Account("blueprint", "demo"), _usd(100, 50)),),
            ),
        ),
        (
            good(
                sub(ADA, "budget_usd: 10", "budget_usd: 6"),
                balances=((ADAS, _usd(10, 5, 1)),),
            ),
            good(
                sub(ADA, "budget_usd: 10", "budget_usd: 11"),
                balances=((ADAS, _usd(10, 20)),),
            ),
        ),
    ),
    "NC-O001": (
        (
            bad(f"{NEW_JOB}:1:1", "but the author is `grace`", new_job(), author=GRACE),
            bad(f"{NEW_JOB}:1:1", "(forge id 99) is no user", new_job(), author=STRANGER),
            bad(
                f"{JOB}:1:1",
                "the author is `grace`",
                sub(JOB, "30m\n", "30m\ncancelled: {reason: mine now}\n"),
                author=GRACE,
            ),
            bad(
                f"{NEW_JOB}:1:1",
                "the author is `grace`",
                new_job(("user: ada", "user: grace")),
                mv(NEW_JOB, GRACES),
                before=(new_job(),),
                author=GRACE,
                alone=False,
            ),
            # A change cannot make its author somebody else.
            bad(
                f"{NEW_JOB}:1:1",
                "(forge id 99) is no user",
                sub(ADA, "forge_id: 1", "forge_id: 99"),
                new_job(),
                author=STRANGER,
                alone=False,
            ),
        ),
        (
            good(new_job(), author=ADA_HERSELF),
            good(sub(JOB, "30m\n", "30m\ncancelled: {reason: other data}\n"), author=ADA_HERSELF),
            good(sub(LAB, "Laboratory", "Lab"), author=STRANGER),
        ),
    ),
    "NC-O002": (
        (
            bad(f"{REPLAY}:1:1", "only the platform", put(REPLAY, "{}\n"), author=ADA_HERSELF),
            bad(
                f"{CERTIFICATE}:1:1",
                "only the platform",
                put(CERTIFICATE, "{ }\n"),
                author=GRACE,
                alone=False,
            ),
        ),
        (
            good(put(REPLAY, "{}\n"), author=PLATFORM),
            good(put(REPLAY, "{}\n")),
        ),
    ),
    "NC-C003": (
        (
            bad(f"{OTHER}:1:1", "no job `ada/2026-11/other`", put(OTHER, "{}\n")),
            bad(
                "certificates/ada/x.json:1:1", "do not lie here", put("certificates/ada/x.json", "")
            ),
            bad(f"{REPLAY[:-14]}.txt:1:1", "do not lie here", put(f"{REPLAY[:-14]}.txt", "{}\n")),
        ),
        (
            good(put(REPLAY, "{}\n")),
            good(put("certificates/README.md", "x"), put("certificates/ada/.gitkeep", "")),
        ),
    ),
}
