"""Files that are made to break a reader, and strategies for more of them."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

HERE = Path(__file__).parent
SOUND = HERE.parent / "golden" / "registry"
PLACES = (
    "registry/blueprints/demo.yaml", "registry/users/ada.yaml", "registry/groups/lab.yaml",
    "registry/hardware/small.yaml", "registry/jobs/ada/2026-11/first.yaml", "registry/policy.yaml",
    "iae/demo/iae.yaml", "iae/demo/iae.lock", "iae/demo/base.lock", "iae/demo/requirements.lock",
    "iae/demo/requirements.in",
)  # fmt: skip
YAML_PLACES = PLACES[:8]
_LARGE = 999_000


def _levels(letters: str, times: int) -> str:
    lines = [f"a: &a [{', '.join('x' * times)}]\n"]
    for before, letter in itertools.pairwise(letters):
        lines.append(f"{letter}: &{letter} [{', '.join([f'*{before}'] * times)}]\n")
    return "".join(lines)


def _fill(piece: str) -> bytes:
    encoded = piece.encode()
    return encoded * (_LARGE // len(encoded))


BOMBS: dict[str, bytes] = {
    "billion laughs": _levels("abcdefghij", 10).encode(),
    "quadratic aliases": (f"a: &a {'x' * 10_000}\nb: [" + "*a, " * 90_000 + "]\n").encode(),
    "keys by the thousand": "".join(f"k{n}: {n}\n" for n in range(90_000)).encode(),
    "one key again and again": _fill("a: 1\n"),
    "deep sequences": b"[" * _LARGE,
    "deep mappings": _fill("{a: "),
    "deep by indentation": "".join(f"{' ' * n}a:\n" for n in range(1_000)).encode(),
    "deep dashes": _fill("- "),
    "deep questions": _fill("? "),
    "one long scalar": b"a: " + b"x" * _LARGE,
    "one long key": b"x" * _LARGE + b": 1",
    "one long number": b"budget_usd: " + b"9" * _LARGE,
    "an open quote": b'a: "' + b"x\n" * (_LARGE // 2),
    "a block that never ends": b"a: |\n" + b"  x\n" * (_LARGE // 4),
    "comments": _fill("#\n"),
    "line feeds": b"\n" * _LARGE,
    "colons": b":" * _LARGE,
    "stars": _fill("*a "),
    "anchors": _fill("&a "),
    "tags": _fill("!a "),
    "directives": _fill("%a b\n"),
    "documents": _fill("---\n"),
    "many anchors": "".join(f"- &a{n} x\n" for n in range(90_000)).encode(),
    "NUL": b"a: \x00b\n" * 1000,
    "other control characters": bytes(range(32)) * 100,
    "byte order marks": b"\xef\xbb\xbf" * 1000 + b"a: 1\n",
    "UTF-16": "schema: a\n".encode("utf-16"),
    "UTF-32": "schema: a\n".encode("utf-32"),
    "CRLF": b"a: 1\r\nb: [1,\r\n 2]\r\n",
    "surrogates": b"a: \xed\xa0\x80\xed\xb0\x80\n",
    "escaped surrogates": b'a: "\\ud800\\udc00 \\U00110000"\n',
    "a lone escaped surrogate": b'name: "\\ud800"\n',
    "escapes of everything": b'a: "\\0\\a\\b\\e\\N\\_\\L\\P\\x00"\n',
    "an overlong sequence": b"a: \xc0\x80\n",
    "1e400": b"budget_usd: 1e400\nprice_usd_per_hour: {standard: -1e400}\n",
    "numbers of other bases": b"vcpus: 0x10\nforge_id: 0o17\nsize: 0b11\na: -0x1\nb: 1_000\n",
    "a python object": b"!!python/object/apply:os.system ['true']\n",
    "a binary": b"a: !!binary aGVsbG8=\n",
    "a set": b"!!set {a, b}\n",
    "an alias of itself": b"&a [*a]\n",
    "an alias as key": b"&a b: 1\n*a : 2\n",
    "a list as key": b"? [a, b]\n: 1\n",
    "merge keys": b"a: &a {b: 1}\n<<: [*a, *a]\n",
    "nothing": b"",
    "a scalar": b"x",
    "null": b"~",
    "a time": b"date: 2026-11-23T00:00:00Z\n",
    "duplicates far apart": b"a: 1\n" + b"#\n" * 1000 + b"a: 2\n",
}

_TOKENS = st.lists(
    st.sampled_from(
        ["a", "schema", "name", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&x ", "*x", "!!str ",
         "!x ", "'", '"', "|\n", ">", "#", "---\n", "...\n", "%YAML 1.1\n", "? ", "\t", "no", "1:30",
         ".nan", "\\", "\x00", "é", "<<", "~", "0", "\r\n", "\u2028", "@", "`", "==1", "--hash=sha256:"]
    ),
    max_size=80,
).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass"))  # fmt: skip
_TEXT = st.text(max_size=15)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXT, inner, max_size=5),
    max_leaves=25,
).map(lambda value: json.dumps(value).encode())


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    """Draw a sound file with pieces cut out, put in and doubled."""
    content = bytearray(draw(st.sampled_from(sound_files())))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        piece = draw(_TOKENS | st.binary(max_size=8) | st.just(bytes(content[start:end]) * 2))
        content[start:end] = piece
    return bytes(content)


def sound_files() -> list[bytes]:
    """Return what the files of a sound registry hold."""
    paths = (SOUND / place for place in PLACES)
    return [path.read_bytes() for path in paths if path.exists()]


contents = st.binary(max_size=200) | _TOKENS | _VALUES | _damaged()


def judged(files: Sequence[tuple[str, bytes]], memory: int) -> dict[str, Any]:
    """Judge registries with one file replaced each, in a process that may not use more memory.

    Return its peak bytes, and for each file the CPU seconds and the number of findings; raise
    AssertionError with its traceback when it fails.
    """
    lines = [f"{path} {base64.b64encode(content).decode()}\n" for path, content in files]
    done = subprocess.run(
        [sys.executable, str(HERE / "judge_in_child.py"), str(SOUND), str(memory)],
        input="".join(lines), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
