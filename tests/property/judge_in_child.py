"""Judge a registry with one file replaced, again and again, within a bound of memory.

python judge_in_child.py FOLDER BYTES <<< "path base64"
"""

from __future__ import annotations

import base64
import json
import resource
import sys
import time
from pathlib import Path

from registry_worlds import MemoryTree, recipe_of

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries
from neurocaas_ci.validate.engine import judge


def main() -> None:
    folder, memory = Path(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sound = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    base = MemoryTree(sound)
    seconds, counts = [], []
    for line in sys.stdin:
        path, _, content = line.partition(" ")
        head = MemoryTree({**sound, path: base64.b64decode(content)})
        began = time.process_time()
        changes = of_entries(base.entries(), head.entries())
        findings = judge(Registry(base), Registry(head), changes, recipe_of=recipe_of)
        seconds.append(time.process_time() - began)
        counts.append(sum(f.severity == "error" for f in findings))
    sys.stdout.write(json.dumps({"peak": _peak(), "seconds": seconds, "errors": counts}))


def _peak() -> int:
    """Return the most memory held at once, in bytes; getrusage would count the parent's as well."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
