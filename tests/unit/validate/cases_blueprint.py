"""Cases of the rules on blueprints: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import BLUEPRINT, D1, D2, ENSEMBLE, LOCK, sub
from cases_support import Table, bad, blueprint, good, new_version
from cases_sweep import FITS_BAD, FITS_GOOD

CASES: Table = {
    "NC-B001": (
        (
            bad(
                f"{BLUEPRINT}:8:20",
                "no user `gracie`",
                *blueprint("[ada]", "[ada, gracie]"),
            ),
        ),
        (good(*blueprint("[ada]", "[ada, grace]")),),
    ),
    "NC-B002": (
        (bad(f"{BLUEPRINT}:14:10", "no IAE `dmeo`", *blueprint("iae: demo", "iae: dmeo")),),
        (good(),),
    ),
    "NC-B003": (
        (
            bad(
                f"{BLUEPRINT}:15:49",
                "no hardware `huge`",
                *blueprint("[small, large]", "[small, huge]"),
            ),
        ),
        (good(*blueprint("[small, large]", "[small]")),),
    ),
    "NC-B004": (
        (
            bad(
                f"{BLUEPRINT}:15:25",
                "not among the allowed",
                *blueprint("[small, large]", "[large]"),
            ),
        ),
        (good(*blueprint("default: small", "default: large")),),
    ),
    "NC-B005": (
        (
            bad(f"{BLUEPRINT}:10:10", "no group `lob`", *blueprint("[lab]", "[lob]")),
            bad(
                f"{BLUEPRINT}:9:8",
                "no group is",
                *blueprint("stage: open\ngroups: [lab]", "stage: invited"),
            ),
        ),
        (good(*blueprint("stage: open", "stage: invited")),),
    ),
    "NC-B006": (
        (
            bad(f"{BLUEPRINT}:11:11", "no protocol", *blueprint("parallel", "paralel")),
            bad(
                f"{BLUEPRINT}:13:3",
                "needs 2 steps",
                *blueprint("parallel", "ensemble"),
                alone=False,
            ),
            bad(
                f"{ENSEMBLE}:24:3",
                "needs an integer parameter",
                sub(ENSEMBLE, "1.0.0", "1.0.1"),
                sub(ENSEMBLE, "replicas: {type: integer", "replicas: {type: number"),
            ),
            *FITS_BAD,
        ),
        (good(*blueprint("parallel", "chain")), *FITS_GOOD),
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
        (bad(f"{BLUEPRINT}:27:12", "declared already", *blueprint("figure.png", "result.npz")),),
        (good(*blueprint("figure.png", "other.png")),),
    ),
    "NC-B009": (
        (
            bad(f"{BLUEPRINT}:23:20", "not JSON Schema", *blueprint("type: integer", "type: int")),
            bad(f"{BLUEPRINT}:20:3", "not of type object", *blueprint("  type: object\n", "")),
            bad(
                f"{BLUEPRINT}:24:36",
                "can take for ever",
                *blueprint("^[a-z]{1,20}$", "^(a+)+$"),
            ),
            bad(
                f"{BLUEPRINT}:24:13",
                "`$ref` is not supported",
                *blueprint("type: string", "$ref: '#/definitions/x'"),
            ),
        ),
        (good(*blueprint("^[a-z]{1,20}$", "^[a-z]+-[0-9]+$")),),
    ),
    "NC-B010": (
        (
            bad(f"{BLUEPRINT}:23:62", "must be at most 9", *blueprint("default: 3", "default: 30")),
            bad(
                f"{BLUEPRINT}:23:62",
                "must be a whole number",
                *blueprint("default: 3", "default: fast"),
            ),
        ),
        (good(*blueprint("default: 3", "default: 9")),),
    ),
    "NC-B011": (
        (
            bad(
                f"{BLUEPRINT}:17:22", "but small has 4GB", *blueprint("memory: 1GB", "memory: 5GB")
            ),
            bad(f"{BLUEPRINT}:17:33", "but small has 2", *blueprint("cpus: 2", "cpus: 3")),
        ),
        (good(*blueprint("memory: 1GB", "memory: 4GB")),),
    ),
    "NC-B014": (
        (
            bad(f"{BLUEPRINT}:3:10", "is published", sub(BLUEPRINT, "default: 3", "default: 4")),
            bad(f"{BLUEPRINT}:3:10", "is published", sub(BLUEPRINT, "1.0.0", "0.9.9")),
        ),
        (
            good(sub(BLUEPRINT, "title: Demo", "# a comment\ntitle: Demo")),
            good(*blueprint("default: 3", "default: 4")),
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
        (good(*new_version(sub(LOCK, D1, D2))),),
    ),
}
