"""Compile Python sources; run by the IAE's own interpreter inside the sandbox, standard library only.

stdin and stdout: frames of (path length, data length) as two big-endian 32-bit numbers, path, data.
A source that does not compile is answered with no data.

The code is marshalled in format 2, which has no back references: those depend on reference counts,
and so on what else was compiled before (https://bugs.python.org/issue34093). The pyc is marked
"unchecked hash" (PEP 552): files of an immutable image need no check at import.
"""

import _imp
import importlib.util
import marshal
import struct
import sys
import warnings

_MARSHAL_VERSION = 2
_UNCHECKED_HASH = 1
_MAX_MEMORY = 4 << 30


def _compiled(path: str, source: bytes) -> bytes:
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return b""
    head = importlib.util.MAGIC_NUMBER + struct.pack("<I", _UNCHECKED_HASH)
    raw_magic = int.from_bytes(importlib.util.MAGIC_NUMBER, "little")
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
    warnings.simplefilter("ignore")
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while True:
        header = stdin.read(8)
        if not header:
            break
        path_size, data_size = struct.unpack(">II", header)
        path = stdin.read(path_size)
        data = _compiled("/" + path.decode(), stdin.read(data_size))
        stdout.write(struct.pack(">II", path_size, len(data)) + path + data)
    stdout.flush()


if __name__ == "__main__":
    _main()
