"""Cases of the rules on environments: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import LOCK, put, rm, sub
from cases_support import IAE, Table, bad, good, new_version

_NO_DATASET = (rm("iae/demo/sample/dataset/one.csv"),)

CASES: Table = {
    "NC-I001": (
        (bad(f"{IAE}:1:1", "has no iae.lock", *new_version(rm(LOCK))),),
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
        (
            bad(f"{IAE}:9:9", "does not hold", rm("iae/demo/sample/config.yaml")),
            bad(f"{IAE}:9:9", "does not hold", *_NO_DATASET, put("iae/demo/sample/x/y", "1\n")),
        ),
        (
            good(rm("iae/demo/sample/config.yaml"), sub(IAE, "sample: sample\n", "")),
            good(*_NO_DATASET, put("iae/demo/sample/steps/first/movie.npz", "1\n")),
        ),
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
}
