"""For every rule registries that break it, where and how, and ones near by that do not."""

from __future__ import annotations

from dataclasses import dataclass

from builder import (
    BLUEPRINT,
    D1,
    D2,
    ENSEMBLE,
    JOB,
    LINK,
    LOCK,
    NEW_JOB,
    Case,
    Edit,
    mv,
    new_job,
    put,
    rm,
    sub,
)

IAE = "iae/demo/iae.yaml"
LAB = "registry/groups/lab.yaml"
ADA = "registry/users/ada.yaml"
CERTIFICATE = "certificates/ada/2026-11/first.sigstore.json"


@dataclass(frozen=True)
class Bad:
    """A registry with one finding of the rule: where it points and a part of what it says."""

    case: Case
    where: str
    says: str
    alone: bool = True


def bad(where: str, says: str, *edits: Edit, alone: bool = True) -> Bad:
    """Say what the edits break; `alone` means no other rule complains."""
    return Bad(Case(edits), where, says, alone)


def good(*edits: Edit) -> Case:
    return Case(edits)


def _new_version(*edits: Edit) -> tuple[Edit, ...]:
    versions = (sub(BLUEPRINT, "1.0.0", "1.1.0"), sub(ENSEMBLE, "1.0.0", "1.1.0"))
    return (*versions, *edits)


def _blueprint(old: str, new: str) -> tuple[Edit, ...]:
    return (sub(BLUEPRINT, "version: 1.0.0", "version: 1.1.0"), sub(BLUEPRINT, old, new))


CASES: dict[str, tuple[tuple[Bad, ...], tuple[Case, ...]]] = {
    "NC-R001": (
        (
            bad(
                "registry/blueprints/x.yml:1:1",
                "does not look",
                put("registry/blueprints/x.yml", ""),
            ),
            bad(
                "registry/jobs/stray.yaml:1:1", "does not look", put("registry/jobs/stray.yaml", "")
            ),
        ),
        (good(put("registry/README.md", "hello"), put("registry/jobs/.gitkeep", "")),),
    ),
    "NC-R002": (
        (
            bad(
                "iae/demo/src/link:1:1",
                "symbolic link",
                put("iae/demo/src/link", f"{LINK}../../secret"),
            ),
            bad(
                "certificates/ada/x:1:1", "symbolic link", put("certificates/ada/x", f"{LINK}/etc")
            ),
        ),
        (good(put("elsewhere/link", f"{LINK}x")),),
    ),
    "NC-R003": (
        (
            bad(
                "registry/hardware/tiny.yaml:2:5",
                "`id` is `small`",
                *(
                    lambda f: f.update(
                        {"registry/hardware/tiny.yaml": f["registry/hardware/small.yaml"]}
                    ),
                ),
            ),
            bad(f"{NEW_JOB}:2:7", "`name` is `third`", new_job(("name: second", "name: third"))),
            bad(f"{IAE}:2:7", "`name` is `other`", sub(IAE, "name: demo", "name: other")),
        ),
        (good(new_job()),),
    ),
    "NC-B001": (
        (
            bad(
                f"{BLUEPRINT}:8:20",
                "no user `gracie`",
                *_blueprint("[ada]", "[ada, gracie]"),
            ),
        ),
        (good(*_blueprint("[ada]", "[ada, grace]")),),
    ),
    "NC-B002": (
        (bad(f"{BLUEPRINT}:14:10", "no IAE `dmeo`", *_blueprint("iae: demo", "iae: dmeo")),),
        (good(),),
    ),
    "NC-B003": (
        (
            bad(
                f"{BLUEPRINT}:15:49",
                "no hardware `huge`",
                *_blueprint("[small, large]", "[small, huge]"),
            ),
        ),
        (good(*_blueprint("[small, large]", "[small]")),),
    ),
    "NC-B004": (
        (
            bad(
                f"{BLUEPRINT}:15:25",
                "not among the allowed",
                *_blueprint("[small, large]", "[large]"),
            ),
        ),
        (good(*_blueprint("default: small", "default: large")),),
    ),
    "NC-B005": (
        (
            bad(f"{BLUEPRINT}:10:10", "no group `lob`", *_blueprint("[lab]", "[lob]")),
            bad(
                f"{BLUEPRINT}:9:8",
                "no group is",
                *_blueprint("stage: open\ngroups: [lab]", "stage: invited"),
            ),
        ),
        (good(*_blueprint("stage: open", "stage: invited")),),
    ),
    "NC-B006": (
        (
            bad(f"{BLUEPRINT}:11:11", "no protocol", *_blueprint("parallel", "paralel")),
            bad(
                f"{BLUEPRINT}:13:3",
                "needs 2 steps",
                *_blueprint("parallel", "ensemble"),
                alone=False,
            ),
            bad(
                f"{ENSEMBLE}:24:3",
                "needs an integer parameter",
                sub(ENSEMBLE, "1.0.0", "1.0.1"),
                sub(ENSEMBLE, "replicas: {type: integer", "replicas: {type: number"),
            ),
        ),
        (good(*_blueprint("parallel", "chain")),),
    ),
    "NC-B007": (
        (
            bad(
                f"{ENSEMBLE}:18:9",
                "the id `count` already",
                sub(ENSEMBLE, "1.0.0", "1.0.1"),
                sub(ENSEMBLE, "id: vote", "id: count"),
            ),
        ),
        (good(sub(ENSEMBLE, "1.0.0", "1.0.1"), sub(ENSEMBLE, "id: vote", "id: poll")),),
    ),
    "NC-B008": (
        (bad(f"{BLUEPRINT}:27:12", "declared already", *_blueprint("figure.png", "result.npz")),),
        (good(*_blueprint("figure.png", "other.png")),),
    ),
    "NC-B009": (
        (
            bad(f"{BLUEPRINT}:23:20", "not JSON Schema", *_blueprint("type: integer", "type: int")),
            bad(f"{BLUEPRINT}:20:3", "not of type object", *_blueprint("  type: object\n", "")),
            bad(
                f"{BLUEPRINT}:24:36",
                "can take for ever",
                *_blueprint("^[a-z]{1,20}$", "^(a+)+$"),
            ),
            bad(
                f"{BLUEPRINT}:24:13",
                "`$ref` is not supported",
                *_blueprint("type: string", "$ref: '#/definitions/x'"),
            ),
        ),
        (good(*_blueprint("^[a-z]{1,20}$", "^[a-z]+-[0-9]+$")),),
    ),
    "NC-B010": (
        (
            bad(
                f"{BLUEPRINT}:23:62", "must be at most 9", *_blueprint("default: 3", "default: 30")
            ),
            bad(
                f"{BLUEPRINT}:23:62",
                "must be a whole number",
                *_blueprint("default: 3", "default: fast"),
            ),
        ),
        (good(*_blueprint("default: 3", "default: 9")),),
    ),
    "NC-B011": (
        (
            bad(
                f"{BLUEPRINT}:17:22", "but small has 4GB", *_blueprint("memory: 1GB", "memory: 5GB")
            ),
            bad(f"{BLUEPRINT}:17:33", "but small has 2", *_blueprint("cpus: 2", "cpus: 3")),
        ),
        (good(*_blueprint("memory: 1GB", "memory: 4GB")),),
    ),
    "NC-B014": (
        (
            bad(f"{BLUEPRINT}:3:10", "is published", sub(BLUEPRINT, "default: 3", "default: 4")),
            bad(f"{BLUEPRINT}:3:10", "is published", sub(BLUEPRINT, "1.0.0", "0.9.9")),
        ),
        (
            good(sub(BLUEPRINT, "title: Demo", "# a comment\ntitle: Demo")),
            good(*_blueprint("default: 3", "default: 4")),
            good(sub(BLUEPRINT, "1.0.0", "1.0.10")),
        ),
    ),
    "NC-B015": (
        (
            bad(
                f"{BLUEPRINT}:3:10",
                "has changed since",
                sub(ENSEMBLE, "1.0.0", "1.1.0"),
                sub(LOCK, D1, D2),
            ),
        ),
        (good(*_new_version(sub(LOCK, D1, D2))),),
    ),
    "NC-I001": (
        (bad(f"{IAE}:1:1", "has no iae.lock", *_new_version(rm(LOCK))),),
        (good(),),
    ),
    "NC-I002": (
        (
            bad(
                "iae/demo/requirements.lock:2:1",
                "does not pin",
                put("iae/demo/requirements.lock", "# x\nnumpy==2.4.6\n"),
            ),
            bad("iae/demo/requirements.in:1:1", "there is no", rm("iae/demo/requirements.lock")),
        ),
        (good(rm("iae/demo/requirements.in"), rm("iae/demo/requirements.lock")),),
    ),
    "NC-I003": (
        (bad(f"{LOCK}:2:9", "have changed", put("iae/demo/workflow.py", "print('bye')\n")),),
        (good(put("iae/demo/sample/dataset/two.csv", "3\n")),),
    ),
    "NC-I004": (
        (
            bad(
                f"{IAE}:6:39",
                "/iae/wrokflow.py",
                sub(IAE, "/iae/workflow.py", "/iae/wrokflow.py"),
            ),
        ),
        (good(sub(IAE, "-I, ", "")),),
    ),
    "NC-I005": (
        (bad(f"{IAE}:4:7", "no iae/demo/base.lock", rm("iae/demo/base.lock")),),
        (
            good(
                rm("iae/demo/base.lock"),
                sub(IAE, "{kind: deb, packages: [python3.11]}", "{kind: host}"),
                sub(LOCK, "true", "false"),
            ),
        ),
    ),
    "NC-I006": (
        (bad(f"{IAE}:9:9", "does not hold", rm("iae/demo/sample/config.yaml")),),
        (good(rm("iae/demo/sample/config.yaml"), sub(IAE, "sample: sample\n", "")),),
    ),
    "NC-I007": (
        (
            bad(
                f"{LOCK}:5:15",
                "one machine",
                sub(IAE, "{kind: deb, packages: [python3.11]}", "{kind: host}"),
            ),
        ),
        (good(),),
    ),
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
            bad(
                "registry/users/grace.yaml:3:11",
                "is that of `ada`",
                sub("registry/users/grace.yaml", "forge_id: 2", "forge_id: 1"),
            ),
        ),
        (good(sub("registry/users/grace.yaml", "forge_id: 2", "forge_id: 3")),),
    ),
    "NC-U003": (
        (bad(f"{LAB}:6:20", "no blueprint `votes`", sub(LAB, "voted", "votes")),),
        (good(sub(LAB, ", voted", "")),),
    ),
    "NC-J001": (
        (
            bad(
                "registry/jobs/grace/2026-11/second.yaml:3:7",
                "folder is that of `grace`",
                new_job(),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
        ),
        (
            good(
                new_job(("user: ada", "user: grace")),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
        ),
    ),
    "NC-J002": (
        (
            bad(
                "registry/jobs/ada/2026-13/second.yaml:1:1",
                "is no month",
                new_job(),
                mv(NEW_JOB, "registry/jobs/ada/2026-13/second.yaml"),
            ),
        ),
        (good(new_job(), mv(NEW_JOB, "registry/jobs/ada/2026-12/second.yaml")),),
    ),
    "NC-J003": (
        (
            bad(f"{NEW_JOB}:4:8", "no group `lub`", new_job(("group: lab", "group: lub"))),
            bad(
                "registry/jobs/bob/2026-11/second.yaml:3:7",
                "no user `bob`",
                new_job(("user: ada", "user: bob"), ("group: lab\n", "")),
                mv(NEW_JOB, "registry/jobs/bob/2026-11/second.yaml"),
            ),
            bad(
                f"{NEW_JOB}:4:8",
                "not a member",
                sub(LAB, "[ada, grace]", "[grace]"),
                sub(ADA, "[lab]", "[]"),
                new_job(),
            ),
        ),
        (good(new_job(("group: lab\n", ""))),),
    ),
    "NC-J004": (
        (
            bad(f"{NEW_JOB}:5:12", "no published version", new_job(("demo@1.0.0", "demo@2.0.0"))),
            bad(f"{NEW_JOB}:5:12", "no blueprint `dome`", new_job(("demo@1.0.0", "dome@1.0.0"))),
        ),
        (
            good(*_new_version(new_job(("demo@1.0.0", "demo@1.1.0")))),
            good(*_new_version(new_job())),
        ),
    ),
    "NC-J005": (
        (
            bad(
                "registry/jobs/grace/2026-11/second.yaml:5:12",
                "not open to `grace`",
                *_blueprint("stage: open", "stage: develop"),
                new_job(("user: ada", "user: grace"), ("demo@1.0.0", "demo@1.1.0")),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
            bad(f"{NEW_JOB}:5:12", "does not pay", sub(LAB, "[demo, voted]", "[voted]"), new_job()),
        ),
        (
            good(
                *_blueprint("stage: open", "stage: invited"),
                new_job(("user: ada", "user: grace"), ("demo@1.0.0", "demo@1.1.0")),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
        ),
    ),
    "NC-J006": (
        (
            bad(
                f"{NEW_JOB}:11:19", "no allowed hardware", new_job(("count: large", "count: huge"))
            ),
            bad(f"{NEW_JOB}:11:20", "no step `counts`", new_job(("count: large", "counts: large"))),
            bad(
                f"{NEW_JOB}:10:10",
                "no price for `save`",
                new_job(("pricing: standard\nhardware: {count: large}", "pricing: save")),
            ),
        ),
        (good(new_job(("pricing: standard", "pricing: save"))),),
    ),
    "NC-J007": (
        (bad(f"{NEW_JOB}:8:36", "dataset of entry 1 again", new_job((D2, D1))),),
        (good(new_job(("two.csv", "one.csv"))),),
    ),
    "NC-J008": (
        (
            bad(f"{NEW_JOB}:7:11", "does not accept `one.npz`", new_job(("one.csv", "one.npz"))),
            bad(f"{NEW_JOB}:7:110", "larger than 2MB", new_job(("size: 10", "size: 2000001"))),
            bad(f"{NEW_JOB}:7:110", "is empty", new_job(("size: 10", "size: 0"))),
        ),
        (good(new_job(("size: 10", "size: 2000000"))),),
    ),
    "NC-J009": (
        (
            bad(f"{NEW_JOB}:9:22", "must be at most 9", new_job(("rounds: 5", "rounds: 10"))),
            bad(f"{NEW_JOB}:9:14", "no parameter `round`", new_job(("rounds: 5", "round: 5"))),
            bad(f"{NEW_JOB}:9:22", "must be a whole number", new_job(("rounds: 5", "rounds: '5'"))),
            bad(
                f"{NEW_JOB}:9:13",
                "more than 200 characters",
                new_job(("rounds: 5", f"label: {'a' * 201}")),
                alone=False,
            ),
        ),
        (good(new_job(("{rounds: 5}", "{}"))),),
    ),
    "NC-J010": (
        (
            bad(f"{NEW_JOB}:12:14", "stops every run after 1h", new_job(("30m", "61m"))),
            bad(
                f"{NEW_JOB}:7:3",
                "may cost 4.00 USD",
                *_blueprint("max_cost_usd: 50", "max_cost_usd: 3.5"),
                new_job(("demo@1.0.0", "demo@1.1.0")),
            ),
        ),
        (
            good(
                *_blueprint("max_cost_usd: 50", "max_cost_usd: 4"),
                new_job(("demo@1.0.0", "demo@1.1.0")),
            ),
        ),
    ),
    "NC-J011": (
        (
            bad(
                f"{NEW_JOB}:13:11",
                "no job `ada/2026-11/zero`",
                new_job(("30m\n", "30m\nretry_of: ada/2026-11/zero\n")),
            ),
            bad(
                f"{NEW_JOB}:13:11",
                "cannot be retried",
                new_job(("30m\n", "30m\nretry_of: ada/2026-11/second\n")),
            ),
            bad(
                f"{NEW_JOB}:13:11",
                "cannot be retried",
                new_job(("30m\n", "30m\nretry_of: grace/2026-11/x\n")),
            ),
        ),
        (good(new_job(("30m\n", "30m\nretry_of: ada/2026-11/first\n"))),),
    ),
    "NC-C001": (
        (
            bad(f"{JOB}:1:1", "was removed", rm(JOB)),
            bad(
                f"{JOB}:9:1",
                "`parameters` of a merged job was changed",
                sub(JOB, "rounds: 5", "rounds: 6"),
            ),
            bad(
                f"{JOB}:12:1",
                "`retry_of` of a merged job was added",
                sub(JOB, "max_runtime: 30m", "retry_of: ada/2026-11/first"),
                alone=False,
            ),
            bad(f"{JOB}:1:1", "was changed", put(JOB, f"{LINK}other"), alone=False),
        ),
        (
            good(sub(JOB, "30m\n", "30m\ncancelled: {reason: wrong data}\n")),
            good(sub(JOB, "30m\n", "30m  # half an hour\n")),
        ),
    ),
    "NC-C002": (
        (
            bad(f"{CERTIFICATE}:1:1", "was changed", put(CERTIFICATE, "{ }\n")),
            bad(f"{CERTIFICATE}:1:1", "was removed", rm(CERTIFICATE)),
        ),
        (good(put("certificates/ada/2026-11/other.sigstore.json", "{}\n")),),
    ),
}
