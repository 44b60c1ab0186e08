import pytest

from neurocaas_ci.build.constants import architecture
from neurocaas_ci.build.environment import environment
from neurocaas_ci.build.locks import LockedWheel
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import Iae


def iae(**fields):
    values = {
        "name": "x",
        "platform": "linux/amd64",
        "base_kind": "deb",
        "base": {},
        "python": "3.11",
        "entrypoint": ("/usr/bin/python3.11",),
        "determinism": "none",
        "environment": {},
        "sample": None,
    }
    return Iae(**{**values, **fields})


def test_fixed_variables():
    found = environment(iae())
    assert found["PYTHONHASHSEED"] == "0"
    assert found["OMP_NUM_THREADS"] == found["OPENBLAS_NUM_THREADS"] == "1"
    assert found["SOURCE_DATE_EPOCH"] == "1767225600"
    assert "OPENBLAS_CORETYPE" not in found
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    ("version", "features"),
    [
        ("2.4.6", "X86_V4,AVX512_ICL,AVX512_SPR"),
        ("3.0", "X86_V4,AVX512_ICL,AVX512_SPR"),
        ("2.3.5", "AVX512F,AVX512CD,AVX512_SKX,AVX512_CLX,AVX512_CNL,AVX512_ICL"),
        ("1.26.4", "AVX512F,AVX512CD,AVX512_SKX,AVX512_CLX,AVX512_CNL,AVX512_ICL"),
    ],
)
def test_the_profile_knows_numpys_feature_names(version, features):
    wheels = (LockedWheel("numpy", version, "0" * 64),)
    found = environment(iae(determinism="x86-64-v3"), wheels)
    assert found["NPY_DISABLE_CPU_FEATURES"] == features
    assert found["OPENBLAS_CORETYPE"] == "Haswell"


def test_the_profile_holds_pytorch_to_the_same_instructions():
    wheels = (LockedWheel("torch", "2.13.0+cpu", "0" * 64),)
    found = environment(iae(determinism="x86-64-v3"), wheels)
    assert (found["ATEN_CPU_CAPABILITY"], found["ONEDNN_MAX_CPU_ISA"]) == ("avx2", "AVX2")
    assert "ATEN_CPU_CAPABILITY" not in environment(iae(), wheels)


def test_no_package_no_variable_of_it():
    found = environment(iae(determinism="x86-64-v3"))
    assert not {"NPY_DISABLE_CPU_FEATURES", "ATEN_CPU_CAPABILITY"} & set(found)


def test_the_iae_has_the_last_word():
    found = environment(iae(environment={"OMP_NUM_THREADS": "4", "MINE": "1"}))
    assert (found["OMP_NUM_THREADS"], found["MINE"]) == ("4", "1")


def test_unknown_profile():
    with pytest.raises(BuildError, match="'avx' does not exist"):
        environment(iae(determinism="avx"))


def test_unknown_platform():
    with pytest.raises(BuildError, match="cannot be built"):
        architecture(iae(platform="windows/amd64"))
    with pytest.raises(BuildError, match="does not exist for linux/arm64"):
        environment(iae(platform="linux/arm64", determinism="x86-64-v3"))
