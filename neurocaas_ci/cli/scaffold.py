"""The files of a new analysis: a blueprint, an environment without packages, a sample."""

from __future__ import annotations

import json

from neurocaas_ci.cli.values import scalar


def files(name: str, maintainer: str) -> dict[str, str]:
    """Return the text of each file by its path in the registry."""
    here = f"iae/{name}"
    shown, login = (scalar(text) for text in (name, maintainer))
    return {
        f"registry/blueprints/{name}.yaml": _BLUEPRINT.format(name=shown, maintainer=login),
        f"{here}/iae.yaml": _IAE.format(name=shown),
        f"{here}/requirements.in": _REQUIREMENTS,
        f"{here}/workflow.py": _WORKFLOW,
        f"{here}/sample/config.yaml": json.dumps({"parameters": {"scale": 2.0}}, indent=2) + "\n",
        f"{here}/sample/dataset/small.csv": "1.0,2.0\n3.0,4.0\n",
    }


_BLUEPRINT = """\
schema: neurocaas/blueprint/v1
name: {name}
version: 0.1.0                # any change of this file or of its environment needs a new version
title: A new analysis
summary: Says in one sentence what goes in and what comes out.
subfield: Name the field
references: [{{citation: "Author 2026", url: "https://doi.org/"}}]
# license: BSD-3-Clause       # an SPDX identifier; an open analysis needs one
maintainers: [{maintainer}]
stage: develop                # develop | invited | open
groups: []
protocol: parallel            # one run per dataset; also: chain, ensemble
steps:
  - id: main
    iae: {name}
    hardware: {{default: laptop, allowed: [laptop]}}
    max_runtime: 10m
    limits: {{memory: 1GB}}
datasets: {{suffixes: [.csv], max_size: 100MB}}
parameters:
  type: object
  additionalProperties: false
  properties:
    scale: {{type: number, minimum: 0, default: 1.0, description: Factor for every value}}
outputs:
  - {{path: result.json, compare: {{kind: exact}}}}
limits: {{max_parallel: 10, max_cost_usd: 10}}
"""

_IAE = """\
schema: neurocaas/iae/v1
name: {name}
platform: linux/amd64
base: {{kind: deb, packages: [python3.11, libstdc++6, libgomp1, libgcc-s1]}}
python: "3.11"
entrypoint: [/usr/bin/python3.11, -s, -P, /iae/workflow.py]
determinism: x86-64-v3
environment: {{}}
sample: sample
"""

_REQUIREMENTS = """\
# Python packages of the environment, one `name==version` per line, e.g. numpy==2.3.4
"""

_WORKFLOW = '''\
"""Reads /inputs, writes /outputs; no network, nothing else is visible."""

import csv
import json
import sys
from pathlib import Path

inputs, outputs = Path("/inputs"), Path("/outputs")


def main() -> int:
    config = json.loads((inputs / "config.yaml").read_text())
    scale = config["parameters"]["scale"]
    rows = []
    with (inputs / config["dataset"]).open(newline="") as stream:
        for number, row in enumerate(csv.reader(stream), start=1):
            try:
                rows.append([scale * float(cell) for cell in row])
            except ValueError:
                print(f"line {number} of the dataset holds something that is not a number", file=sys.stderr)
                return 65
    print(f"::progress 0.5 {len(rows)} rows read", flush=True)
    sums = [sum(column) for column in zip(*rows)]
    (outputs / "result.json").write_text(json.dumps({"column_sums": sums}) + "\\n")
    print("::progress 1.0 done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
'''
