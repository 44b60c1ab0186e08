"""Patterns that compile late mean the same; PyYAML that was loaded with them reads the same."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from neurocaas_ci.patterns import late

_READ = """
import re, sys
compiled = []
real = re._compiler.compile
re._compiler.compile = lambda p, flags=0: (compiled.append(p), real(p, flags))[1]
from neurocaas_ci.registry.libyaml import Loader, yaml
from neurocaas_ci.registry.parse import parse
assert re.compile.__module__ == "re", "the real compile is back"
print(sum("uD7FF" in ascii(p) or "\\\\ud7ff" in ascii(p) for p in compiled))
document, findings = parse("a.yaml", b"a: [1, 2.5, text, 2026-11-01]\\nb: ]\\n")
print(findings[0].rule, findings[0].location.line)
print(yaml.safe_load("{a: 1.5, b: 2026-11-01, c: yes, d: 0x1f}"))
print(yaml.load("a: \\u00e9", yaml.SafeLoader))
try:
    yaml.load("a: \\x07", yaml.SafeLoader)
except yaml.reader.ReaderError as error:
    print(error.reason)
"""


def test_a_late_pattern_gives_the_methods_of_the_compiled_one() -> None:
    pattern = late(r"(\d+)-x", re.IGNORECASE)
    assert pattern.fullmatch("12-X")[1] == "12"  # type: ignore[index]
    assert pattern.sub("y", "1-x 2-x") == "y y"
    assert [m[1] for m in pattern.finditer("1-x 2-X")] == ["1", "2"]
    assert pattern.fullmatch is pattern.fullmatch, "it is looked up once"


def test_a_late_pattern_that_is_wrong_says_so_on_first_use() -> None:
    pattern = late("(")
    with pytest.raises(re.error):
        pattern.match("")


def test_pyyaml_loaded_without_its_patterns_reads_and_refuses_as_ever() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _READ], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "0",
        "NC-F004 2",
        "{'a': 1.5, 'b': datetime.date(2026, 11, 1), 'c': True, 'd': 31}",
        "{'a': 'é'}",
        "special characters are not allowed",
    ]
