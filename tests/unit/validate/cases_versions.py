"""Cases of the rules on versions of a blueprint: registries that break one, and ones that do not."""

from __future__ import annotations

from builder import BLUEPRINT, ENSEMBLE, VALID, Edit, put, sub
from cases_support import Table, bad, blueprint, good

OTHER = "registry/blueprints/other.yaml"


def _promise(old: str, new: str, *, version: str = "1.1.0") -> tuple[Edit, ...]:
    return (sub(BLUEPRINT, "version: 1.0.0", f"version: {version}"), sub(BLUEPRINT, old, new))


_LABEL = '    label: {type: string, pattern: "^[a-z]{1,20}$"}\n'
_OUTPUT = "  - {path: result.npz, compare: {kind: array, norm: l2, rtol: 1.0e-8}}\n"
_BROKEN = (
    ("`label` is gone", _LABEL, ""),
    ("`rounds` has a narrower `maximum`", "maximum: 9", "maximum: 8"),
    ("`rounds` has a narrower `minimum`", "minimum: 1", "minimum: 2"),
    ("`label` has another type", "label: {type: string", "label: {type: integer"),
    ("`label` has another `pattern`", "^[a-z]{1,20}$", "^[a-z]{1,10}$"),
    ("`rounds` no longer accepts", "minimum: 1, maximum: 9", "enum: [1, 2, 3]"),
    ("`label` is now required", "  type: object\n", "  type: object\n  required: [label]\n"),
    ("`result.npz` is no longer promised", _OUTPUT, ""),
    ("`result.npz` is no longer promised", "rtol: 1.0e-8}}", "rtol: 1.0e-8}, required: false}"),
    ("`.csv` datasets are no longer", "[.csv]", "[.npz]"),
    ("dataset is smaller", "max_size: 2MB", "max_size: 1MB"),
)
_KEPT = (
    ("minimum: 1, maximum: 9", "minimum: 0, maximum: 10"),
    ("rounds: {type: integer", "rounds: {type: number"),
    (_LABEL, f"{_LABEL}    more: {{type: boolean, default: false}}\n"),
    ("[.csv]", "[.csv, .npz]"),
    ("[.csv]", "[]"),
    (_OUTPUT, f"{_OUTPUT}  - {{path: more.npz, compare: {{kind: exact}}}}\n"),
    ("  - {path: figure.png, compare: {kind: ignore}, required: false}\n", ""),
    ("max_size: 2MB", "max_size: 3MB"),
)
_ZERO = (sub(BLUEPRINT, "version: 1.0.0", "version: 0.3.1"),)

CASES: Table = {
    "NC-B012": (
        (
            bad(
                f"{BLUEPRINT}:7:13",
                "names no publication",
                *blueprint("[{citation: Counter 1999, url: https://example.org/counter}]", "[]"),
            ),
        ),
        (
            good(
                *blueprint(
                    "references: [{citation: Counter 1999, url: https://example.org/counter}]\n"
                    "maintainers: [ada]\nstage: open\n",
                    "maintainers: [ada]\nstage: invited\n",
                )
            ),
        ),
    ),
    "NC-B013": (
        (bad(f"{BLUEPRINT}:9:8", "has no licence", *blueprint("license: MIT\n", "")),),
        (good(*blueprint("stage: open", "stage: develop"), sub(BLUEPRINT, "license: MIT\n", "")),),
    ),
    "NC-B016": (
        (
            *(bad(f"{BLUEPRINT}:3:10", says, *_promise(old, new)) for says, old, new in _BROKEN),
            bad(
                f"{BLUEPRINT}:3:10",
                "0.3.2 promises to do what 0.3.1 does",
                sub(BLUEPRINT, "0.3.1", "0.3.2"),
                sub(BLUEPRINT, "maximum: 9", "maximum: 8"),
                before=_ZERO,
            ),
        ),
        (
            *(good(*_promise(old, new)) for old, new in _KEPT),
            *(good(*_promise(old, new, version="2.0.0")) for _, old, new in _BROKEN),
            good(
                sub(BLUEPRINT, "0.3.1", "0.4.0"),
                sub(BLUEPRINT, "maximum: 9", "maximum: 8"),
                before=_ZERO,
            ),
        ),
    ),
    "NC-B017": (
        (
            bad(
                f"{BLUEPRINT}:3:10",
                "demo@1.0.0 was published before",
                put(BLUEPRINT, VALID[BLUEPRINT].replace("default: 3", "default: 4")),
                before=(put(BLUEPRINT, "broken: [\n"),),
            ),
        ),
        (
            good(
                put(BLUEPRINT, VALID[BLUEPRINT]),
                before=(put(BLUEPRINT, "broken: [\n"),),
            ),
            good(put(OTHER, VALID[BLUEPRINT].replace("name: demo", "name: other"))),
        ),
    ),
    "NC-B018": (
        (
            bad(
                f"{BLUEPRINT}:28:42",
                "may cost 1.00 USD with all defaults",
                *blueprint("max_cost_usd: 50", "max_cost_usd: 0.99"),
            ),
            bad(
                f"{ENSEMBLE}:33:58",
                "may cost 3.16",
                sub(ENSEMBLE, "1.0.0", "1.0.1"),
                sub(ENSEMBLE, "max_cost_usd: 50", "max_cost_usd: 50, budget_usd: 3"),
            ),
        ),
        (good(*blueprint("max_cost_usd: 50", "max_cost_usd: 1")),),
    ),
}
