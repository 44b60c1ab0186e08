"""Compile Python sources; run by the IAE's own interpreter inside the sandbox, standard library only.

stdin and stdout: frames of (path length, data length) as two big-endian 32-bit numbers, path, data.
The first answer's path is the tag of this interpreter's .pyc files. A source that does not compile is
answered with no data.

The code is marshalled in format 2, which has no back references: those depend on reference counts,
and so on what else was compiled before (https://bugs.python.org/issue34093). The pyc is marked
"unchecked hash" (PEP 552): files of an immutable image need no check at import.
"""

import _imp
import marshal
import sys

# Frozen into the interpreter, unlike importlib.util: starting costs half as much, and this program
# is started for every change of code. (The base has no bytecode of its own yet.)
from _frozen_importlib_external import MAGIC_NUMBER

_MARSHAL_VERSION = 2
_UNCHECKED_HASH = 1
_MAX_MEMORY = 4 << 30


def _compiled(path: str, source: bytes) -> bytes:
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return b""
    head = MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little")
    raw_magic = int.from_bytes(MAGIC_NUMBER, "little")
    return head + _imp.source_hash(raw_magic, source) + marshal.dumps(code, _MARSHAL_VERSION)


def _bound_memory() -> None:
    # A source that is built to explode the compiler must not take the machine with it.
    try:
        import resource
    except ImportError:  # a minimal Python
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))


def _main() -> None:
    _bound_memory()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    stdout.write(_frame(sys.implementation.cache_tag.encode(), b""))
    while header := stdin.read(8):
        path = stdin.read(int.from_bytes(header[:4], "big"))
        source = stdin.read(int.from_bytes(header[4:], "big"))
        stdout.write(_frame(path, _compiled("/" + path.decode(), source)))
    stdout.flush()


def _frame(path: bytes, data: bytes) -> bytes:
    return len(path).to_bytes(4, "big") + len(data).to_bytes(4, "big") + path + data


if __name__ == "__main__":
    _main()
