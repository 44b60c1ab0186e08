"""Cases of the rules on sweeps: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import ENSEMBLE, NEW_JOB, VALID, Edit, new_job, put, sub
from cases_support import LAB, Bad, Table, bad, good

SWEPT = "registry/blueprints/swept.yaml"

_RULE = "{type: integer, minimum: 1, maximum: 9}"
_AXIS = f"{{type: array, minItems: 1, maxItems: 5, uniqueItems: true, items: {_RULE}}}"
_SWEEP = (
    "    sweep: {type: object, additionalProperties: false, properties: {count: {type: object, "
    f"additionalProperties: false, properties: {{rounds: {_AXIS}}}}}}}}}\n"
)
_REPLICAS = "    replicas: {type: integer, minimum: 1, maximum: 9, default: 3}\n"
_TEXT = (
    VALID[ENSEMBLE]
    .replace("name: voted", "name: swept")
    .replace("protocol: ensemble", "protocol: sweep")
    .replace(_REPLICAS, _SWEEP)
)


def _swept(*changes: tuple[str, str]) -> Edit:
    text = _TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return put(SWEPT, text)


def _job(parameters: str) -> tuple[Edit, ...]:
    pays = sub(LAB, "voted]", "voted, swept]")
    return (pays, new_job(("demo@1.0.0", "swept@1.0.0"), ("{rounds: 5}", parameters)))


_BROKEN = (
    ("needs a parameter `sweep`", (_SWEEP, "")),
    ("needs a parameter `sweep`", ("sweep: {type: object, additionalProperties: false,", "sweep: {type: object,")),
    ("`sweep.vote` is no step that can be swept", ("properties: {count:", "properties: {vote:")),
    ("`sweep.count` must be an object", ("{count: {type: object, additionalProperties: false,", "{count: {type: object,")),
    ("`sweep.count.turns` is no parameter", ("{rounds: {type: array", "{turns: {type: array")),
    ("is not a list of values of `rounds`", ("minItems: 1, ", "")),
    ("is not a list of values of `rounds`", ("uniqueItems: true, ", "")),
    ("is not a list of values of `rounds`", (_RULE, "{type: integer, minimum: 0, maximum: 9}")),
)  # fmt: skip

FITS_BAD: tuple[Bad, ...] = tuple(
    bad(f"{SWEPT}:24:3", says, _swept(change)) for says, change in _BROKEN
)
FITS_GOOD = (good(_swept()), good(_swept(("maxItems: 5, ", ""))))

CASES: Table = {
    "NC-J017": (
        (
            bad(
                f"{NEW_JOB}:9:13",
                "`rounds` is swept over, and given as well",
                _swept(),
                *_job("{rounds: 5, sweep: {count: {rounds: [1, 2]}}}"),
            ),
        ),
        (
            good(_swept(), *_job("{sweep: {count: {rounds: [1, 2]}}}")),
            good(_swept(), *_job("{rounds: 5}")),
        ),
    ),
}
