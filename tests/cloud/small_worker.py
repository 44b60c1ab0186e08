"""A worker in miniature, for tests that start hundreds: counts its starts, then records its run.

It claims nothing: what is started twice shows. Started as `neurocaas worker ... state:KEY`.
"""

import json
import os
import sys
from pathlib import Path

state = Path(os.environ["SMALL_STATE"])
key = sys.argv[-1].removeprefix("state:")
key = key.replace("%a", os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0"))
spec = json.loads((state / key).read_bytes())
folder = state / "jobs" / spec["job"] / "runs" / spec["run"]
folder.mkdir(parents=True, exist_ok=True)
with (folder / "starts").open("a") as stream:
    stream.write("x")
for needed in spec["needs"].values():
    if not (folder.parent / needed / "record.json").exists():
        sys.exit(f"{needed} has not ended")
template = json.loads(os.environ["SMALL_RECORD"])
record = {**template, "job": spec["job"], "run": spec["run"], "step": spec["step"]}
temporary = folder / ".record"
temporary.write_text(json.dumps(record))
temporary.rename(folder / "record.json")
