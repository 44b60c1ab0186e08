"""Feed damaged files to the loader for some seconds, and stop at the first that it cannot answer.

    python tests/property/fuzz_loader.py [SECONDS] [SEED]

The corpus begins with the repository's own registry files and known bombs. A damaged file that
takes the loader through lines that no file took before joins the corpus, so the search goes where
the loader's code goes (line coverage by sys.settrace; atheris does the same with a compiler's help,
and is no dependency of the tests). The seed is printed, and so is the content that fails.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from hostile_files import BOMBS

from neurocaas_ci import schemas
from neurocaas_ci.registry.registry import load
from neurocaas_ci.registry.tree import TreeEntry

ROOT = Path(__file__).resolve().parents[2]
_SMALL = 20_000
_SECONDS = 5
_PIECES = (
    b"[", b"]", b"{", b"}", b": ", b"\n", b"  ", b"- ", b"&a ", b"*a", b"<<: ", b"!!str ", b"'", b'"',
    b"|\n", b">-\n", b"? ", b"---\n", b"%YAML 1.1\n", b"\t", b"\\", b"\x00", b"\x85", b"\xff",
    b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xed\xa0\x80", b".nan", b"1e400", b"0x1f", b"9" * 30, b"~",
)  # fmt: skip


class _OneFile:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        return self._content[: None if limit is None else limit + 1]

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        return []


class Coverage:
    """Lines of the loader that were reached."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        name = frame.f_code.co_filename
        if "/registry/" not in name and "/schemas/" not in name:
            return None
        self.lines.add((name, frame.f_lineno))
        return self.trace


def answer(content: bytes, kind: str) -> None:
    """Load a file; raise AssertionError, or what the loader raises, when it has no sound answer."""
    began = time.process_time()
    loaded = load(_OneFile(content), "some/file.yaml", kind, dict)
    assert (loaded.value is None) == bool(loaded.findings)
    for finding in loaded.findings:
        assert finding.message.isprintable() or finding.message
        assert finding.fix
        assert finding.location.line >= 1
        assert finding.location.column >= 1
    assert time.process_time() - began < _SECONDS


def corpus() -> list[bytes]:
    """Return what the search begins with."""
    paths = [*ROOT.glob("registry/**/*.yaml"), *ROOT.glob("iae/*/iae.*")]
    small = [content for content in BOMBS.values() if len(content) < _SMALL]
    return [path.read_bytes() for path in sorted(paths)] + small


def damage(source: random.Random, found: list[bytes]) -> bytes:
    """Return a file of the corpus with some pieces replaced, doubled or taken from another."""
    content = bytearray(source.choice(found))
    for _ in range(source.randint(1, 6)):
        start = source.randint(0, len(content))
        end = min(len(content), start + source.choice((0, 0, 1, 4, 30)))
        other = source.choice(found)
        cut = source.randint(0, len(other))
        content[start:end] = source.choice((
            source.choice(_PIECES), source.randbytes(2), content[start:end] * 2,
            other[cut : cut + 40], source.choice(_PIECES) * source.choice((2, 60)),
        ))  # fmt: skip
    return bytes(content[:_SMALL])


def fuzz(seconds: float, seed: int) -> tuple[int, int]:
    """Search for so long; return how many files were tried and how many lines were reached."""
    source, coverage, found = random.Random(seed), Coverage(), corpus()
    for content in BOMBS.values():
        for kind in schemas.KINDS:
            answer(content, kind)
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        content = found[tried] if tried < len(found) else damage(source, found)
        before = len(coverage.lines)
        sys.settrace(coverage.trace)
        try:
            answer(content, source.choice(schemas.KINDS))
        except Exception as problem:
            raise AssertionError(f"seed {seed}, file {content!r}") from problem
        finally:
            sys.settrace(None)
        if len(coverage.lines) > before and tried >= len(found):
            found.append(content)
        tried += 1
    return tried, len(coverage.lines)


if __name__ == "__main__":
    spend = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    number = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns()
    files, lines = fuzz(spend, number)
    sys.stdout.write(f"seed {number}: {files} files, {lines} lines of the loader reached\n")
