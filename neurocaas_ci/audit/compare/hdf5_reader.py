"""The process that reads HDF5: a request on stdin, the verdict on stdout, both JSON."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from neurocaas_ci.audit.compare.content import Budget, Limits
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import ImpossibleError, UnreadableError


def main() -> None:
    """Answer one request with the part, or with why there is none."""
    asked = json.loads(sys.stdin.buffer.read())
    limits = Limits(**asked["limits"])
    _confine(limits)
    given = asked["tolerance"]
    tolerance = Tolerance(**{**given, **{k: Fraction(given[k]) for k in ("rtol", "atol")}})
    budget = Budget(limits.unpacked)
    said = _answer(asked["files"], tolerance, limits, budget)
    sys.stdout.write(json.dumps({**said, "spent": limits.unpacked - max(0, budget.left)}))


def _answer(
    handles: list[int], tolerance: Tolerance, limits: Limits, budget: Budget
) -> dict[str, Any]:
    # The bounds hold while the libraries are loaded, too.
    from neurocaas_ci.audit.compare import hdf5_tree

    try:
        return {"part": asdict(hdf5_tree.compare(handles, tolerance, limits, budget))}
    except UnreadableError as error:
        return {"unreadable": [error.side, error.reason]}
    except ImpossibleError as error:
        return {"impossible": str(error)}
    except MemoryError:
        return {"impossible": f"reading HDF5 needs more than {limits.memory:,} bytes of memory"}


def _confine(limits: Limits) -> None:
    bounds = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_CPU: limits.seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        lower = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (lower, lower))


if __name__ == "__main__":
    main()
