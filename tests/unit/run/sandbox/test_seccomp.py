"""The filter, run by an interpreter of classic BPF that knows nothing of how it was made."""

from __future__ import annotations

import errno
import struct

import pytest

from neurocaas_ci.run.sandbox.seccomp import program

_X86, _ARM, _I386 = 0xC000003E, 0xC00000B7, 0x40000003
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NEW = [*range(425, 434), 435, 438, 440, 442, 443, 447, 450, *range(457, 462)]
_REFUSED = {
    "x86_64": [
        101, 103, 134, 135, 136, 139, 154, 155, 156, 159, 161, *range(163, 177), 178, 179, 180,
        212, 227, 237, 238, 239, 246, 248, 249, 250, 256, 272, 278, 279, 298, 300, 303, 304, 305,
        308, 310, 311, 312, 313, 320, 321, 323, *_NEW,
    ],
    "aarch64": [
        18, 39, 40, 41, 42, 51, 60, 75, 89, 92, 97, 104, 105, 106, 112, 116, 117, 142, 161, 162,
        170, 171, 217, 218, 219, 224, 225, *range(235, 240), 241, 262, 264, 265, 266, 268,
        *range(270, 274), 280, 282, 294, *_NEW,
    ],
}  # fmt: skip


def _run(code: bytes, number: int, arch: int, *arguments: int) -> int:
    return _trace(code, number, arch, *arguments)[0]


def _trace(code: bytes, number: int, arch: int, *arguments: int) -> tuple[int, int]:
    """Return the verdict and how many steps it took."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *[*arguments, *[0] * 6][:6])
    steps = list(struct.iter_unpack("<HBBI", code))
    at = value = 0
    for step in range(len(steps) + 1):
        operation, if_true, if_false, operand = steps[at]
        at += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x06:
            return operand, step + 1
        else:
            holds = {0x15: value == operand, 0x25: value > operand, 0x45: bool(value & operand)}
            at += if_true if holds[operation] else if_false
    raise AssertionError("the program does not end")


def test_it_fits_the_kernels_limit():
    for machine in ("x86_64", "aarch64"):
        code = program(machine)
        assert len(code) % 8 == 0
        assert len(code) // 8 <= 4096


def test_unknown_machines_have_none():
    assert program("riscv64") is None


@pytest.mark.parametrize(
    ("machine", "arch", "names"),
    [
        ("x86_64", _X86, {"read": 0, "execve": 59, "fork": 57, "futex": 202, "openat2": 437}),
        ("aarch64", _ARM, {"read": 63, "execve": 221, "futex": 98, "openat2": 437}),
    ],
)
def test_what_programs_need_is_allowed(machine, arch, names):
    for name, number in names.items():
        assert _run(program(machine), number, arch) == _ALLOW, name


@pytest.mark.parametrize(
    ("machine", "arch", "numbers"),
    [("x86_64", _X86, [101, 165, 272, 321, 425, 438]), ("aarch64", _ARM, [117, 40, 97, 280, 425])],
)
def test_attacks_are_refused(machine, arch, numbers):
    for number in numbers:
        assert _run(program(machine), number, arch) == _ERRNO | errno.EPERM, number


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", _X86), ("aarch64", _ARM)])
def test_the_future_is_not_implemented(machine, arch):
    for number in (435, 463, 500, 10_000):
        assert _run(program(machine), number, arch) == _ERRNO | errno.ENOSYS, number
    assert _run(program(machine), 462, arch) == _ALLOW


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", _X86), ("aarch64", _ARM)])
def test_every_call_is_judged_in_a_few_steps(machine, arch):
    code = program(machine)
    for number in (*range(600), 0x3FFFFFFF, 0x40000000, 0xFFFFFFFF):
        assert _trace(code, number, arch)[1] <= 20, number


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", _X86), ("aarch64", _ARM)])
def test_exactly_these_calls_are_refused(machine, arch):
    code = program(machine)
    refused = [n for n in range(463) if _run(code, n, arch, 1, 1) != _ALLOW]
    assert refused == _REFUSED[machine]


def test_other_tables_kill():
    assert _run(program("x86_64"), 20, _I386) == _KILL
    assert _run(program("x86_64"), 0x40000000 | 39, _X86) == _KILL
    assert _run(program("aarch64"), 63, _X86) == _KILL


@pytest.mark.parametrize(
    ("flags", "allowed"),
    [
        (0x01200011, True),
        (0x003D0F00, True),
        (0x10000011, False),
        (0x40000000, False),
        (0x80, False),
    ],
)
def test_clone_makes_no_namespaces(flags, allowed):
    expected = _ALLOW if allowed else _ERRNO | errno.EPERM
    assert _run(program("x86_64"), 56, _X86, flags) == expected
    assert _run(program("aarch64"), 220, _ARM, flags) == expected


def test_terminals_cannot_be_typed_into():
    for request in (0x5412, 0x541C):
        assert _run(program("x86_64"), 16, _X86, 1, request) == _ERRNO | errno.EPERM
        # The kernel looks at the low half only, so the high one must not hide it.
        high = (7 << 32) | request
        assert _run(program("x86_64"), 16, _X86, 1, high) == _ERRNO | errno.EPERM
    assert _run(program("x86_64"), 16, _X86, 1, 0x5401) == _ALLOW


def test_socket_families():
    for family in (1, 2, 10, 16):
        assert _run(program("x86_64"), 41, _X86, family) == _ALLOW
    for family in (0, 3, 17, 38, 40, 44):
        assert _run(program("x86_64"), 41, _X86, family) == _ERRNO | errno.EAFNOSUPPORT


@pytest.mark.parametrize(
    ("machine", "arch", "socket", "lasting"),
    [("x86_64", _X86, 41, [29, 64, 68, 240]), ("aarch64", _ARM, 198, [180, 186, 190, 194])],
)
def test_without_namespaces_only_unix_sockets_are_left_and_nothing_that_lasts(
    machine, arch, socket, lasting
):
    code, usual = program(machine, namespaces=False), program(machine)
    allowed = [family for family in range(64) if _run(code, socket, arch, family) == _ALLOW]
    assert allowed == [1]
    # The kernel looks at the low half only, and so does the filter.
    assert _run(code, socket, arch, 1 << 32 | 2) == _ERRNO | errno.EAFNOSUPPORT
    for number in lasting:
        assert _run(code, number, arch) == _ERRNO | errno.ENOSYS
        assert _run(usual, number, arch) == _ALLOW
    same = [n for n in range(463) if n not in {socket, *lasting}]
    assert [_run(code, n, arch, 1, 1) for n in same] == [_run(usual, n, arch, 1, 1) for n in same]
