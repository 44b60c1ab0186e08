"""What a certificate says a job used, read without verifying it; I/O is not handled here.

Who brings a certificate onto main has signed it, and validation judges that. Here it is only read,
as carefully as a stranger's: what is unsound says nothing about the cost.
"""

from __future__ import annotations

import binascii
from typing import Any

from neurocaas_ci.model.ledger import JobConcluded
from neurocaas_ci.model.money import microdollars
from neurocaas_ci.model.places import (
    MAX_BUNDLE,
    PROVENANCE_TYPE,
    STATEMENT_TYPE,
    manifest_path,
)
from neurocaas_ci.model.results import JOB_RECORD
from neurocaas_ci.model.strict_json import StrictJsonError, read_strictly

_MOST_USD = 1e9


class _UnsoundError(ValueError):
    """The certificate does not say what the job used; the text says why."""


def concluded(job: str, bundle: bytes | None) -> JobConcluded:
    """Return what the certificate of a job (None: no regular file) concludes it with."""
    try:
        return JobConcluded(job, microdollars(_cost(job, bundle)))
    except _UnsoundError as problem:
        return JobConcluded(job, None, f"the certificate does not say what was used: {problem}")


def _cost(job: str, bundle: bytes | None) -> float:
    if bundle is None:
        raise _UnsoundError("it is not a regular file")
    if len(bundle) > MAX_BUNDLE:
        raise _UnsoundError(f"it has more than {MAX_BUNDLE >> 20} MB")
    try:
        payload = read_strictly(bundle)["dsseEnvelope"]["payload"]
        statement = read_strictly(binascii.a2b_base64(payload, strict_mode=True))
        kinds = statement["_type"], statement["predicateType"]
        definition = statement["predicate"]["buildDefinition"]
        named = definition["externalParameters"]["job"]
        byproducts = statement["predicate"]["runDetails"]["byproducts"]
        records = [item for item in byproducts if item["name"] == JOB_RECORD]
        costs: list[Any] = [item["annotations"]["cost_usd"] for item in records]
    except StrictJsonError as error:
        raise _UnsoundError(str(error)) from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _UnsoundError("it lacks a part that every certificate has") from error
    if kinds != (STATEMENT_TYPE, PROVENANCE_TYPE):
        raise _UnsoundError("it is a statement of another kind")
    if named != manifest_path(job):
        raise _UnsoundError("it is that of another job")
    if len(costs) != 1 or isinstance(costs[0], bool) or not isinstance(costs[0], (int, float)):
        raise _UnsoundError("it does not name one cost in US dollars")
    if not 0 <= costs[0] <= _MOST_USD:
        raise _UnsoundError("the cost is negative or beyond all budgets")
    return float(costs[0])
