"""The system call filter of runs as a BPF program; I/O is not handled here.

A deny-list on top of no capabilities and, in the sandbox, namespaces: it removes what only serves to attack the
kernel or to look around it. System calls newer than the newest one judged here answer ENOSYS, as
an older kernel would, so a kernel update does not widen what a run can do.
"""

from __future__ import annotations

import errno
import struct
from functools import lru_cache
from typing import NamedTuple

# linux/bpf_common.h and linux/filter.h: class | size or operator | source.
_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER = 0x25
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06

# linux/seccomp.h
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000

# Offsets in struct seccomp_data; arguments are 64 bits wide, the low half comes first.
_NUMBER = 0
_ARCHITECTURE = 4
_ARG0 = 16
_ARG1 = 24

# clone(2) flags for new time, mount, cgroup, uts, ipc, user, pid and network namespaces.
_NAMESPACES = 0x7E020080
_TIOCSTI = 0x5412
_TIOCLINUX = 0x541C
_X32 = 0x40000000
# unix, inet, inet6, netlink. All others are refused: vsock reaches the hypervisor because it knows
# no network namespaces, and AF_ALG or AF_PACKET only widen the surface.
_SOCKET_FAMILIES = (1, 2, 10, 16)
# What is left where no namespace cuts the network.
_LOCAL_FAMILIES = (1,)

# Same numbers on every architecture since Linux 5.1 (424 and up).
_NEW_DENIED = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
    "set_mempolicy_home_node": 450,
    "statmount": 457,
    "listmount": 458,
    "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460,
    "lsm_list_modules": 461,
}
_NEWEST_JUDGED = 462  # mseal, Linux 6.10
_CLONE3 = 435


class _Architecture(NamedTuple):
    """Numbers of one architecture: its audit id, three calls with arguments, and denied calls.

    `lasting` are calls that make System V objects and message queues, which outlive their makers.
    """

    audit: int
    clone: int
    ioctl: int
    socket: int
    denied: tuple[int, ...]
    lasting: tuple[int, ...]
    has_x32: bool = False


_X86_64_DENIED = {
    "ptrace": 101, "syslog": 103, "uselib": 134, "personality": 135, "ustat": 136, "sysfs": 139,
    "modify_ldt": 154, "pivot_root": 155, "_sysctl": 156, "adjtimex": 159, "chroot": 161,
    "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
    "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
    "create_module": 174, "init_module": 175, "delete_module": 176, "query_module": 178,
    "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212, "clock_settime": 227, "mbind": 237,
    "set_mempolicy": 238, "get_mempolicy": 239, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "migrate_pages": 256, "unshare": 272, "vmsplice": 278,
    "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310,
    "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320,
    "bpf": 321, "userfaultfd": 323,
}  # fmt: skip
_AARCH64_DENIED = {
    "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "nfsservctl": 42,
    "chroot": 51, "quotactl": 60, "vmsplice": 75, "acct": 89, "personality": 92, "kexec_load": 104,
    "init_module": 105, "delete_module": 106, "clock_settime": 112, "syslog": 116, "ptrace": 117,
    "reboot": 142, "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "adjtimex": 171,
    "unshare": 97, "add_key": 217, "request_key": 218, "keyctl": 219, "swapon": 224, "swapoff": 225,
    "mbind": 235, "get_mempolicy": 236, "set_mempolicy": 237, "migrate_pages": 238,
    "move_pages": 239, "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
    "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270,
    "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "bpf": 280, "userfaultfd": 282,
    "kexec_file_load": 294,
}  # fmt: skip
_ARCHITECTURES = {
    "x86_64": _Architecture(
        0xC000003E, 56, 16, 41, (*_X86_64_DENIED.values(), *_NEW_DENIED.values()),
        # shmget, semget, msgget, mq_open
        (29, 64, 68, 240), has_x32=True,
    ),
    "aarch64": _Architecture(
        0xC00000B7, 220, 29, 198, (*_AARCH64_DENIED.values(), *_NEW_DENIED.values()),
        (194, 190, 186, 180),
    ),
}  # fmt: skip


@lru_cache(maxsize=4)
def program(machine: str, *, namespaces: bool = True) -> bytes | None:
    """Return the filter for an architecture as `uname -m` names it; None where there is none.

    Without namespaces the filter is what cuts the network (only unix sockets can be made), and
    nothing can be made that would be there for the next run.
    """
    arch = _ARCHITECTURES.get(machine)
    if arch is None:
        return None
    return b"".join(
        [
            _op(_LOAD_WORD, _ARCHITECTURE),
            _op(_JUMP_EQUAL, arch.audit, 1, 0),
            _op(_RETURN, _KILL),
            _op(_LOAD_WORD, _NUMBER),
            *_search(_ranges(arch, namespaces=namespaces)),
        ]
    )


def _ranges(arch: _Architecture, *, namespaces: bool) -> list[tuple[int, list[bytes]]]:
    """Return what to do with system calls, as (first number of a range, code), sorted."""
    allow = [_op(_RETURN, _ALLOW)]
    special = {number: [_deny(errno.EPERM)] for number in arch.denied}
    if not namespaces:
        special |= {number: [_deny(errno.ENOSYS)] for number in arch.lasting}
    possible = _SOCKET_FAMILIES if namespaces else _LOCAL_FAMILIES
    # ENOSYS makes a C library fall back to clone(2), whose flags a filter can read.
    special[_CLONE3] = [_deny(errno.ENOSYS)]
    special[arch.clone] = [
        _op(_LOAD_WORD, _ARG0),
        _op(_JUMP_ANY_BIT, _NAMESPACES, 0, 1),
        _deny(errno.EPERM),
        *allow,
    ]
    special[arch.ioctl] = [
        _op(_LOAD_WORD, _ARG1),
        _op(_JUMP_EQUAL, _TIOCSTI, 1, 0),
        _op(_JUMP_EQUAL, _TIOCLINUX, 0, 1),
        _deny(errno.EPERM),
        *allow,
    ]
    families = [
        _op(_JUMP_EQUAL, family, len(possible) - index, 0) for index, family in enumerate(possible)
    ]
    special[arch.socket] = [_op(_LOAD_WORD, _ARG0), *families, _deny(errno.EAFNOSUPPORT), *allow]
    ranges: list[tuple[int, list[bytes]]] = []
    for number in range(_NEWEST_JUDGED + 1):
        code = special.get(number, allow)
        if not ranges or ranges[-1][1] != code:
            ranges.append((number, code))
    ranges.append((_NEWEST_JUDGED + 1, [_deny(errno.ENOSYS)]))
    if arch.has_x32:
        ranges.append((_X32, [_op(_RETURN, _KILL)]))
    return ranges


def _search(ranges: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """Return code that goes to the range of the loaded number by halving.

    The kernel runs a new filter once for every number, so its length counts at each start of a run.
    """
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below, above = _search(ranges[:middle]), _search(ranges[middle:])
    return [_op(_JUMP_GREATER, ranges[middle][0] - 1, len(below), 0), *below, *above]


def _op(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Encode struct sock_filter; jumps count instructions to skip."""
    return struct.pack("<HBBI", code, if_true, if_false, operand)


def _deny(number: int) -> bytes:
    return _op(_RETURN, _ERRNO | number)
