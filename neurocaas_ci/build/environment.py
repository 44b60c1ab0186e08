"""The declared environment of an IAE: fixed variables and the determinism profile; no I/O here."""

from __future__ import annotations

from collections.abc import Sequence

from neurocaas_ci.build.constants import EPOCH
from neurocaas_ci.build.locks import LockedWheel
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import Iae

REPRODUCIBLE = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - the private /tmp of the sandbox
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "SOURCE_DATE_EPOCH": str(EPOCH),
}
"""What every program is given whose output has to be the same everywhere: runs, and builds of wheels."""

_FIXED = REPRODUCIBLE | {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}

# Feature names that numpy's dispatcher knows, by version (numpy/_core/src/common/npy_cpu_features.c):
# 2.4 replaced the single AVX512 features by the x86-64-v4 group.
_NUMPY_GROUPED = (2, 4)
_NUMPY_V4_GROUPED = "X86_V4,AVX512_ICL,AVX512_SPR"
_NUMPY_V4_SINGLE = "AVX512F,AVX512CD,AVX512_SKX,AVX512_CLX,AVX512_CNL,AVX512_ICL"
# PyTorch picks kernels by its own variable, oneDNN inside it by another.
_TORCH = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def environment(iae: Iae, wheels: Sequence[LockedWheel] = ()) -> dict[str, str]:
    """Return every variable that a run sees; the IAE's own declarations win.

    The profile `x86-64-v3` makes numerical libraries take the same code path on every processor
    that has AVX2 and FMA, so that results are the same bits; raise BuildError for unknown profiles.
    """
    return dict(sorted((_FIXED | _profile(iae, wheels) | dict(iae.environment)).items()))


def _profile(iae: Iae, wheels: Sequence[LockedWheel]) -> dict[str, str]:
    if iae.determinism == "none":
        return {}
    if iae.determinism != "x86-64-v3" or iae.platform != "linux/amd64":
        raise BuildError(
            f"determinism profile {iae.determinism!r} does not exist for {iae.platform}",
            where=f"iae/{iae.name}/iae.yaml",
            hint="use x86-64-v3 (on linux/amd64) or none",
        )
    variables = {"OPENBLAS_CORETYPE": "Haswell", "MKL_CBWR": "AVX2,STRICT"}
    for wheel in wheels:
        if wheel.name.lower() == "numpy":
            grouped = _release(wheel.version) >= _NUMPY_GROUPED
            variables["NPY_DISABLE_CPU_FEATURES"] = (
                _NUMPY_V4_GROUPED if grouped else _NUMPY_V4_SINGLE
            )
        if wheel.name.lower() == "torch":
            variables |= _TORCH
    return variables


def _release(version: str) -> tuple[int, ...]:
    numbers = []
    for part in version.split(".")[:2]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)
