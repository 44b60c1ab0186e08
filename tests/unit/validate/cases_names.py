"""Cases of the rules on names, modes and use: registries that break one, and ones that do not."""

from __future__ import annotations

from builder import BLUEPRINT, JOB, LOCK, NEW_JOB, RUN, VALID, mv, new_job, put, rm, sub
from cases_support import ADA, CERTIFICATE, LAB, Table, bad, good

SMALL, LARGE = "registry/hardware/small.yaml", "registry/hardware/large.yaml"
SRC = "iae/demo/src"
CANCELLED = new_job(("30m\n", "30m\ncancelled: {reason: other data}\n"))

CASES: Table = {
    "NC-R004": (
        (
            bad(
                f"{ADA}:1:1",
                "job ada/2026-11/second needs",
                rm(ADA),
                before=(new_job(),),
                alone=False,
            ),
            bad(
                f"{LAB}:1:1",
                "job ada/2026-11/second needs",
                rm(LAB),
                before=(new_job(),),
                alone=False,
            ),
            bad(
                f"{LARGE}:1:1",
                "ada/2026-11/first and 1 more",
                rm(LARGE),
                before=(new_job(), rm(CERTIFICATE)),
                alone=False,
            ),
            bad(
                f"{BLUEPRINT}:1:1",
                "needs",
                mv(BLUEPRINT, f"{BLUEPRINT}x"),
                before=(new_job(),),
                alone=False,
            ),
            bad(
                "iae/demo/iae.yaml:1:1",
                "needs",
                rm("iae/demo/iae.yaml"),
                before=(new_job(),),
                alone=False,
            ),
        ),
        (
            good(rm(ADA)),
            good(rm(ADA), before=(CANCELLED,)),
            good(
                rm(LARGE),
                rm("registry/users/grace.yaml"),
                before=(new_job(("hardware: {count: large}\n", "")),),
            ),
            good(rm(LARGE), new_job()),
        ),
    ),
    "NC-R005": (
        (
            bad(
                "registry/users/Ada.yaml:1:1",
                "`registry/users/ada.yaml` differs",
                put("registry/users/Ada.yaml", VALID[ADA]),
                alone=False,
            ),
            bad(
                f"{SRC}/A.py:1:1",
                "`iae/demo/src/a.py` differs",
                put(f"{SRC}/A.py", ""),
                before=(put(f"{SRC}/a.py", ""),),
            ),
            bad(
                f"{SRC}/X/b.py:1:1",
                "`iae/demo/src/x` differs",
                put(f"{SRC}/X/b.py", ""),
                before=(put(f"{SRC}/x/a.py", ""),),
            ),
            bad(
                f"{SRC}/x/a.py:1:1",
                "`iae/demo/src/X` differs",
                put(f"{SRC}/x/a.py", ""),
                before=(put(f"{SRC}/X/b.py", ""),),
            ),
        ),
        (
            good(mv(f"{SRC}/a.py", f"{SRC}/A.py"), before=(put(f"{SRC}/a.py", ""),)),
            good(put(f"{SRC}/b.py", ""), before=(put(f"{SRC}/a.py", ""), put(f"{SRC}/A.py", ""))),
        ),
    ),
    "NC-R006": (
        (
            bad(f"{SRC}/a:b.py:1:1", "U+003A", put(f"{SRC}/a:b.py", "")),
            bad(f"{SRC}/a\\b.py:1:1", "U+005C", put(f"{SRC}/a\\b.py", "")),
            bad(f"{SRC}/a\tb.py:1:1", "U+0009", put(f"{SRC}/a\tb.py", "")),
            bad(f"{SRC}/a\u202eb.py:1:1", "U+202E", put(f"{SRC}/a\u202eb.py", "")),
            bad(f"{SRC}/a./b.py:1:1", "ends with a dot", put(f"{SRC}/a./b.py", "")),
            bad(f"{SRC}/a :1:1", "ends with a dot or a space", put(f"{SRC}/a ", "")),
            bad(f"{SRC}/Aux.py:1:1", "name of a device", put(f"{SRC}/Aux.py", "")),
            bad(f"{SRC}/{'é' * 120}:1:1", "more than 240", put(f"{SRC}/{'é' * 120}", "")),
        ),
        (
            good(
                put(f"{SRC}/auxiliary.py", ""), put(f"{SRC}/.hidden", ""), put(f"{SRC}/é x.py", "")
            ),
            good(put("elsewhere/a:b", "")),
        ),
    ),
    "NC-R007": (
        (
            bad(f"{JOB}:1:1", "is executable", put(JOB, RUN + VALID[JOB])),
            bad(f"{NEW_JOB}:1:1", "is executable", new_job(("schema:", f"{RUN}schema:"))),
        ),
        (good(put(f"{SRC}/run.py", RUN), sub(LOCK, "true", "true")),),
    ),
}
