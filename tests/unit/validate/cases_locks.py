"""Cases of the rules on what an environment pins: registries that break one, and ones that do not."""

from __future__ import annotations

from builder import D1, D2, put, sub
from cases_support import IAE, Table, bad, good

WANTED = "iae/demo/requirements.in"
PINNED = "iae/demo/requirements.lock"
BASE = "iae/demo/base.lock"

_NO_PLACE = (
    ("https://example.org/numpy.whl", "names a place"),
    ("numpy @ https://example.org/numpy.whl", "names a place"),
    ("numpy @ file:///tmp/numpy", "names a place"),
    ("git+https://example.org/numpy", "names a place"),
    ("./numpy", "names a place"),
    ("numpy/", "names a place"),
    ("-e .", "the option `-e`"),
    ("--index-url https://example.org/simple", "the option `--index-url`"),
    ("--extra-index-url=https://example.org", "the option `--extra-index-url="),
    ("-r more.in", "the option `-r`"),
    ("numpy 2.4.6", "no package name with versions"),
    ("numpy" + ">=1" * 20_000, "no package name with versions"),
    ("numpy==2.4.6 --config-settings=x", "no package name with versions"),
)

_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_SOURCES = (
    "sources:\n  packages:\n    - {package: tiny==1.0}\n"
    f'    - {{package: tool==2.0, git: "https://example.org/lab/tool", commit: "{_COMMIT}"}}\n'
    "  debian: [gcc]\n  requirements: [setuptools==80.9.0]\n"
)
_FROM_SOURCE = sub(IAE, "sample: sample\n", f"sample: sample\n{_SOURCES}")
_TOOLS = (
    put("iae/demo/build.lock", f"gcc 4:12 {D1} 100 pool/g/gcc_12_amd64.deb\n"),
    put("iae/demo/build-requirements.lock", f"setuptools==80.9.0 --hash=sha256:{D1}\n"),
)
_PIN = "iae/demo/sources.lock"
_LOCKED = (
    f"sdist tiny 1.0 {D1} 10 tiny-1.0.tar.gz\n  file 644 {D1} 3 tiny.py\n"
    f"git tool 2.0 {D2} 20 {_COMMIT}\n  file 755 {D2} 3 tool/a%20b.so\n"
)

CASES: Table = {
    "NC-I015": (
        (
            bad(f"{IAE}:11:3", "there is no iae/demo/sources.lock", _FROM_SOURCE, *_TOOLS),
            bad(
                f"{IAE}:11:3",
                "there is no iae/demo/build.lock",
                _FROM_SOURCE,
                _TOOLS[1],
                put(_PIN, _LOCKED),
            ),
            bad(
                f"{_PIN}:1:1",
                "of other sources",
                _FROM_SOURCE,
                *_TOOLS,
                put(_PIN, _LOCKED.replace("tool 2.0", "tool 2.1")),
            ),
            bad(
                f"{_PIN}:1:1",
                "of other sources",
                _FROM_SOURCE,
                *_TOOLS,
                put(_PIN, _LOCKED.replace(_COMMIT, _COMMIT[::-1])),
            ),
            bad(
                f"{_PIN}:2:1",
                "not one that the lock command writes",
                _FROM_SOURCE,
                *_TOOLS,
                put(_PIN, _LOCKED.replace("file 644", "file 4644")),
            ),
            bad(
                "iae/demo/build.lock:1:1",
                "not one that the lock command writes",
                _FROM_SOURCE,
                put("iae/demo/build.lock", "gcc\n"),
                _TOOLS[1],
                put(_PIN, _LOCKED),
            ),
            bad(
                f"{IAE}:11:3",
                "`tool` is named twice",
                sub(
                    IAE,
                    "sample: sample\n",
                    "sample: sample\n" + _SOURCES.replace("tiny==1.0", "tool==1.0"),
                ),
                *_TOOLS,
                put(_PIN, _LOCKED),
                alone=False,
            ),
        ),
        (
            good(_FROM_SOURCE, *_TOOLS, put(_PIN, _LOCKED)),
            good(_FROM_SOURCE, *_TOOLS, put(_PIN, _LOCKED), put(WANTED, "numpy\nTiny\n")),
        ),
    ),
    "NC-I008": (
        (
            bad(f"{WANTED}:2:1", "`scipy` is not in", put(WANTED, "numpy\nscipy>=1\n")),
            bad(f"{WANTED}:1:1", "`numpy-financial` is", put(WANTED, "NumPy_Financial[all]\n")),
        ),
        (
            good(put(WANTED, "# wheels\nNumPy==2.4.6  # pinned\n")),
            good(put(WANTED, 'numpy\ntomli; python_version < "3.11"\n')),
        ),
    ),
    "NC-I009": (
        tuple(
            bad(f"{WANTED}:2:1", says, put(WANTED, f"numpy\n{line}\n"), alone=False)
            for line, says in _NO_PLACE
        ),
        tuple(
            good(put(WANTED, f"{line}\n"))
            for line in (
                "numpy >=2, <3",
                "numpy[extra] ~= 2.4",
                "numpy!=2.4.5,>=2.4",
                "numpy (>=2)",
                f"numpy {'>=1,' * 20_000}<3",
                "numpy===2.4.6 # one",
                'numpy>=2; sys_platform == "linux"',
            )
        ),
    ),
    "NC-I010": (
        (
            bad(f"{BASE}:2:1", "not `name version", put(BASE, "# x\npython3.11 3.11.2-6\n")),
            bad(
                f"{BASE}:2:1",
                "not `name version",
                sub(BASE, "pool/p/", "https://example.org/p/"),
            ),
            bad(f"{BASE}:1:1", "locks no package", put(BASE, "# packages\n")),
            bad(
                f"{BASE}:2:1",
                "`a1` is locked twice",
                put(BASE, f"a1 1 {D1} 10 pool/a.deb\na1 1 {D2} 10 pool/a.deb\n"),
            ),
        ),
        (good(put(BASE, f"libstdc++6 1:2~rc+b1-3 {D1} 10 pool/main/g/gcc/x_1%3a2~rc.deb\n")),),
    ),
    "NC-I011": (
        (
            bad(
                f"{IAE}:8:15",
                "belongs to the determinism profile x86-64-v3",
                sub(IAE, "MODE: fast", "OPENBLAS_CORETYPE: Zen"),
            ),
            bad(
                f"{IAE}:8:15", "`PYTHONHASHSEED`", sub(IAE, "MODE: fast", "PYTHONHASHSEED: random")
            ),
        ),
        (
            good(sub(IAE, "MODE: fast", 'OMP_NUM_THREADS: "2"')),
            good(sub(IAE, "x86-64-v3", "none"), sub(IAE, "MODE: fast", "OPENBLAS_CORETYPE: Zen")),
        ),
    ),
    "NC-I012": (
        (
            bad(
                f"{IAE}:8:27",
                "has `/inputs/x.so`",
                sub(IAE, "MODE: fast", "LD_PRELOAD: /inputs/x.so"),
            ),
            bad(
                f"{IAE}:8:27",
                "has `src`",
                sub(IAE, "MODE: fast", "PYTHONPATH: /iae:src"),
                alone=False,
            ),
            bad(
                f"{IAE}:8:32",
                "an empty entry",
                sub(IAE, "MODE: fast", 'LD_LIBRARY_PATH: "/usr/lib:"'),
            ),
            bad(f"{IAE}:8:21", "has `/iae/../tmp`", sub(IAE, "MODE: fast", "PATH: /iae/../tmp")),
        ),
        (
            good(sub(IAE, "MODE: fast", "PYTHONPATH: /iae/src:/usr/local/lib")),
            good(sub(IAE, "MODE: fast", "LD_LIBRARY_PATH: /usr/lib/tmp")),
            good(sub(IAE, "MODE: fast", 'PYTHONPATH: ""')),
        ),
    ),
    "NC-I013": (
        (
            bad(
                "iae/demo/src/weights.bin:1:1",
                "more than 5 MB",
                put("iae/demo/src/weights.bin", "x" * 5_000_001),
            ),
        ),
        (good(put("iae/demo/src/weights.bin", "x" * 5_000_000)),),
    ),
    "NC-I014": (
        (
            bad(
                f"{IAE}:6:14",
                "starts Python 3.12",
                sub(IAE, "/usr/bin/python3.11", "/usr/bin/python3.12"),
            ),
            bad(f"{IAE}:4:29", "brings Python 3.12", sub(IAE, "[python3.11]", "[python3.12]")),
        ),
        (
            good(sub(IAE, "/usr/bin/python3.11", "/usr/bin/python3")),
            good(sub(IAE, "[python3.11]", "[python3.12, python3.11-minimal]")),
            good(sub(IAE, "[python3.11]", "[bash]")),
        ),
    ),
}
