"""Cases of the rules on users and groups: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import VALID, MemoryTree, put, rm, sub
from cases_support import ADA, LAB, Table, bad, good

from neurocaas_ci.plan.owners import PATH, code_owners
from neurocaas_ci.registry import Registry

HOPPER = "registry/users/hopper.yaml"
POLICY = "registry/policy.yaml"


def _hopper(number: int) -> str:
    return f"schema: neurocaas/user/v1\nlogin: hopper\nforge_id: {number}\nname: Hopper\n"


OWNERS = code_owners(Registry(MemoryTree(VALID)))
TRUSTED = (
    '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",'
    ' "certificateAuthorities": [{"uri": "https://example.org"}]}'
)


def _roots(*names: str) -> str:
    return _policy("ada") + f"trust_roots: [{', '.join(names)}]\n"


def _policy(logins: str) -> str:
    return f"schema: neurocaas/policy/v1\nmaintainers: [{logins}]\n"


CASES: Table = {
    "NC-U001": (
        (
            bad(f"{LAB}:5:16", "no user `gracy`", sub(LAB, "grace", "gracy"), alone=False),
            bad(f"{LAB}:5:11", "does not list the group", sub(ADA, "[lab]", "[]")),
            bad(
                f"{ADA}:6:10",
                "does not list `ada`",
                sub(LAB, "[ada, grace]", "[grace]"),
                alone=False,
            ),
            bad(f"{ADA}:6:15", "no group `lub`", sub(ADA, "[lab]", "[lab, lub]")),
        ),
        (good(sub(LAB, "[ada, grace]", "[grace, ada]")),),
    ),
    "NC-U002": (
        (
            bad(f"{HOPPER}:3:11", "is that of `ada`", put(HOPPER, _hopper(1))),
            bad(
                f"{HOPPER}:3:11",
                "is that of `grace`",
                sub("registry/users/grace.yaml", "forge_id: 2", "forge_id: 3"),
                put(HOPPER, _hopper(3)),
                alone=False,
            ),
        ),
        (good(put(HOPPER, _hopper(3))),),
    ),
    "NC-U003": (
        (bad(f"{LAB}:6:20", "no blueprint `votes`", sub(LAB, "voted", "votes")),),
        (good(sub(LAB, ", voted", "")),),
    ),
    "NC-U004": (
        (
            bad(
                "registry/users/grace.yaml:3:11",
                "the forge id of `grace` was 2",
                sub("registry/users/grace.yaml", "forge_id: 2", "forge_id: 3"),
            ),
        ),
        (good(sub("registry/users/grace.yaml", "name: Grace", "name: Grace Hopper")),),
    ),
    "NC-U005": (
        (
            bad(f"{POLICY}:2:20", "no user `gracie`", put(POLICY, _policy("ada, gracie"))),
            bad(
                f"{POLICY}:2:15",
                "no user `hopper`",
                rm(HOPPER),
                before=(put(HOPPER, _hopper(3)), put(POLICY, _policy("hopper"))),
            ),
        ),
        (good(put(POLICY, _policy("ada, grace"))),),
    ),
    "NC-O003": (
        (
            bad(f"{PATH}:17:1", "does not name who", put(PATH, OWNERS.replace("@ada", "@bob"))),
            bad(f"{PATH}:1:1", "does not name who", put(PATH, "")),
        ),
        (good(put(PATH, OWNERS)), good(put(POLICY, _policy("ada")))),
    ),
    "NC-U006": (
        (
            bad(
                f"{POLICY}:3:28",
                "no file registry/trust/lab.json",
                put(POLICY, _roots("public-good", "lab")),
            ),
            bad(
                "registry/trust/lab.json:1:1",
                "neither a trusted root",
                put(POLICY, _roots("public-good", "lab")),
                put("registry/trust/lab.json", "{}"),
            ),
        ),
        (
            good(put(POLICY, _roots("public-good"))),
            good(
                put(POLICY, _roots("public-good", "lab")), put("registry/trust/lab.json", TRUSTED)
            ),
        ),
    ),
}
