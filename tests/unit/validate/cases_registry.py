"""Cases of the rules on places and forms: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import LINK, NEW_JOB, new_job, put, sub
from cases_support import IAE, Table, bad, good

CASES: Table = {
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
}
