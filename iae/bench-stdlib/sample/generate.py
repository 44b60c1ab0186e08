"""Write the sample dataset: 64 KiB of a fixed pseudo-random sequence, the same on every machine."""

import hashlib
from pathlib import Path

_SIZE = 1 << 16
_TARGET = Path(__file__).parent / "dataset" / "recording.bin"


def main() -> None:
    blocks = (hashlib.sha256(b"%d" % k).digest() for k in range(_SIZE // 64))
    # Half noise, half zeros, so that it compresses like a recording rather than like noise.
    _TARGET.parent.mkdir(exist_ok=True)
    _TARGET.write_bytes(b"".join(block + bytes(32) for block in blocks))


if __name__ == "__main__":
    main()
