"""How long building, unpacking and checking an IAE takes; everything side by side in one run.

Run it in a checkout: `python benchmarks/build.py [NAME]`. Downloads are made before anything is
timed; the ratios compare each part with a build from nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from neurocaas_ci.build.builder import Built, Request, build
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.documents import Image
from neurocaas_ci.build.images import Images
from neurocaas_ci.build.recipe import Source, sources
from neurocaas_ci.build.roots import ensure_root
from neurocaas_ci.build.source import load_iae
from neurocaas_ci.registry.folder import FolderTree

ROOT = Path(__file__).resolve().parents[1]
Row = tuple[str, float]


def timed(action: Callable[[], object], repeat: int) -> float:
    """Return the median wall time in seconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def changed(request: Request, path: str, number: int) -> Request:
    """Return the request with a comment added to one source."""
    files = tuple(
        Source(s.path, s.executable, s.content + b"\n# %d\n" % number) if s.path == path else s
        for s in request.files
    )
    return replace(request, files=files)


def measure(request: Request, folder: Path, repeat: int) -> tuple[list[Row], Built]:
    """Return (what, seconds) of everything, and the image."""
    cache = request.cache
    downloads = cache.downloads
    numbers = iter(range(1_000_000))

    def from_nothing() -> Built:
        place = folder / f"cold-{next(numbers)}"
        built = build(replace(request, cache=Cache(place, downloads=downloads), fresh=True))
        shutil.rmtree(place)
        return built

    built = build(request)
    rows = [
        ("build from nothing (downloads cached)", timed(from_nothing, max(1, repeat // 3))),
        ("build again, nothing changed", timed(lambda: build(request), repeat)),
    ]
    for path, words in (("workflow.py", "workflow changed"), (module(request), "module changed")):
        if path:
            action = timed(lambda p=path: build(changed(request, p, next(numbers))), repeat)
            rows.append((f"build again, {words}", action))
    return rows + unpacking(cache, built.image, repeat), built


def module(request: Request) -> str:
    """Return a module below src/, whose bytecode is compiled in the sandbox; empty without one."""
    found = (s.path for s in request.files if s.path.startswith("src/") and s.path.endswith(".py"))
    return next(found, "")


def unpacking(cache: Cache, image: Image, repeat: int) -> list[Row]:
    """Return the times of the way from an image to a checked root."""
    numbers = iter(range(1_000_000))

    def unpack() -> None:
        # Under a new name each time: ext4 is slow to create files right after many were removed.
        ensure_root(cache, f"{image.config[:32]}{next(numbers):032x}", image.layers)

    Images(cache.root).find(image.digest)
    return [
        ("unpack", timed(unpack, max(1, repeat // 3))),
        ("check the root (fingerprint, on every use)",
         timed(lambda: Images(cache.root).find(image.digest), repeat)),
        ("check the root (every byte)",
         timed(lambda: Images(cache.root).find(image.digest, verify="full"), max(1, repeat // 3))),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("name", nargs="*", default=["bench-stdlib"])
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--cache", type=Path, help="take downloads from this cache")
    arguments = parser.parse_args()
    tree = FolderTree(ROOT)
    with tempfile.TemporaryDirectory(prefix="bench-build-") as name:
        folder = Path(name)
        cache = Cache(folder / "cache", downloads=arguments.cache)
        for iae in arguments.name:
            request = Request(load_iae(tree, iae), sources(tree, iae), cache, lambda _: None)
            rows, built = measure(request, folder, arguments.repeat)
            size = sum(layer.blob.size for layer in built.image.layers) / 1e6
            files = sum(len(names) for _, _, names in os.walk(cache.roots / built.image.config))
            print(f"{iae}: {size:.0f} MB in {files} files")
            cold = rows[0][1]
            for what, seconds in rows:
                print(f"  {what:<45} {seconds * 1e3:>9.1f} ms   1/{cold / seconds:.0f} of cold")


if __name__ == "__main__":
    main()
