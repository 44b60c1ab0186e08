"""What a hostile run tries, and must not get."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(60)]

_PROLOGUE = """
import ctypes, json, os, resource, socket
libc = ctypes.CDLL(None, use_errno=True)
found = {}
def attempt(name, action):
    try: found[name] = action()
    except OSError as error: found[name] = os.strerror(error.errno)
    except Exception as error: found[name] = type(error).__name__
def call(number, *arguments):
    ctypes.set_errno(0)
    return 'done' if libc.syscall(number, *arguments) >= 0 else os.strerror(ctypes.get_errno())
"""
_EPILOGUE = "\nprint(json.dumps(found))"
_X86 = os.uname().machine == "x86_64"


@pytest.fixture
def attempts(run):
    def attempts(code: str, **settings):
        done = run(_PROLOGUE + code + _EPILOGUE, **settings)
        assert done.result.reason == "exited", done
        return json.loads(done.lines[-1])

    return attempts


def test_who_and_what_it_is(attempts):
    found = attempts("""
found['ids'] = [os.getresuid(), os.getresgid(), os.getgroups()]
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
for name in ('CapEff', 'CapPrm', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp'):
    found[name] = status[name].strip()
found['environment'] = dict(os.environ)
found['host'] = os.uname()[1]
found['pids'] = [int(n) for n in os.listdir('/proc') if n.isdecimal()]
found['session'] = os.getsid(0)
""", environment={"A": "1", "LD_PRELOAD": ""})  # fmt: skip
    assert found["ids"] == [[65534] * 3, [65534] * 3, []]
    assert {found[n] for n in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
    # Bubblewrap says where it starts the command; everything else is as declared.
    assert found["environment"] == {"A": "1", "LD_PRELOAD": "", "PWD": "/tmp"}  # noqa: S108
    assert found["host"] == "iae"
    assert found["pids"] == [1, 2]


def test_the_kernel_sees_nobody_too(place, sandbox):
    if os.geteuid() != 0:
        pytest.skip("only root has to change its user")
    import threading
    import time

    event = threading.Event()
    request = place.request(*place.script("import time; time.sleep(54.321)"))
    thread = threading.Thread(target=sandbox.execute, args=(request, event))
    thread.start()
    try:
        deadline = time.monotonic() + 10
        owners = set()
        while not owners and time.monotonic() < deadline:
            owners = {
                folder.stat().st_uid
                for folder in Path("/proc").glob("[0-9]*")
                if b"54.321" in _read(folder / "cmdline")
            }
        assert owners == {65534}
    finally:
        event.set()
        thread.join(10)


def test_descriptors_do_not_leak(place, sandbox):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    lock = os.open(place.base / "claim", os.O_RDWR | os.O_CREAT)
    try:
        code = "import os; print([(f, os.readlink(f'/proc/self/fd/{f}').split(':')[0]) for f in range(64) if os.path.lexists(f'/proc/self/fd/{f}')])"
        request = place.request(*place.script(code), claim_fd=lock)
        sandbox.execute(request)
        text = request.log.read_text().partition(" ")[2].strip()
        assert text == "[(0, '/dev/null'), (1, 'pipe'), (2, 'pipe')]"
    finally:
        for fd in (reading, writing, lock):
            os.close(fd)


def test_files(attempts):
    found = attempts("""
for path in ('/x', '/usr/x', '/etc/passwd', '/inputs/x', '/inputs/a.txt', '/dev/x', '/proc/1/x'):
    attempt(path, lambda: open(path, 'w').name)
for path in ('/root', '/home', '/var', '/run', '/sys/kernel'):
    attempt(path, lambda: os.listdir(path))
attempt('shadow', lambda: open('/etc/shadow').read())
attempt('device', lambda: os.mknod('/tmp/d', 0o20666, os.makedev(1, 8)))
attempt('chmod', lambda: os.chmod('/inputs/a.txt', 0o777))
attempt('link', lambda: os.link('/inputs/a.txt', '/outputs/a'))
""")  # fmt: skip
    writes = ("/x", "/usr/x", "/etc/passwd", "/inputs/x", "/inputs/a.txt", "/dev/x", "/proc/1/x")
    refused = {"Read-only file system", "Permission denied", "No such file or directory"}
    assert {found[name] for name in writes} <= refused
    absent = ("/root", "/home", "/var", "/run", "/sys/kernel", "shadow")
    assert {found[name] for name in absent} == {"No such file or directory"}
    assert found["device"] == "Operation not permitted"
    assert found["chmod"] == "Read-only file system"
    assert found["link"] == "Invalid cross-device link"


def test_devices(attempts):
    code = """
import os
attempt('names', lambda: sorted(os.listdir('/dev')))
attempt('links', lambda: [os.readlink(f'/dev/{n}')
    for n in ('core', 'fd', 'ptmx', 'stdin', 'stdout', 'stderr')])
attempt('numbers', lambda: [(os.major(d), os.minor(d)) for d in (os.stat(f'/dev/{n}').st_rdev
    for n in ('null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx'))])
attempt('zero', lambda: list(open('/dev/zero', 'rb').read(2)))
attempt('random', lambda: len(open('/dev/urandom', 'rb').read(8)))
attempt('null', lambda: open('/dev/null', 'wb').write(b'x'))
attempt('full', lambda: open('/dev/full', 'wb', buffering=0).write(b'x'))
attempt('tty', lambda: open('/dev/tty'))
attempt('terminals before', lambda: os.listdir('/dev/pts'))
attempt('terminal', lambda: os.ttyname(os.openpty()[1]))
attempt('terminals', lambda: sorted(os.listdir('/dev/pts')))
attempt('new', lambda: os.mkdir('/dev/x'))
attempt('new terminal', lambda: open('/dev/pts/x', 'w'))
attempt('remove', lambda: os.unlink('/dev/null'))
attempt('mode', lambda: os.chmod('/dev/null', 0o600))
attempt('shared memory', lambda: os.mkdir('/dev/shm/x'))
attempt('set-user-id', lambda: bool(os.statvfs('/dev').f_flag & os.ST_NOSUID))
"""
    # The second run may have a /dev that the first one has used.
    for _ in range(2):
        found = attempts(code)
        names = "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
        assert found["names"] == names.split()
        streams = [f"/proc/self/fd/{number}" for number in range(3)]
        assert found["links"] == ["/proc/kcore", "/proc/self/fd", "pts/ptmx", *streams]
        assert found["numbers"] == [[1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 2]]
        assert (found["zero"], found["random"], found["null"]) == ([0, 0], 8, 1)
        assert found["full"] == "No space left on device"
        assert found["tty"] == "No such device or address"
        assert found["terminals before"] == ["ptmx"]
        assert found["terminal"] == "/dev/pts/0"
        assert found["terminals"] == ["0", "ptmx"]
        assert {found["new"], found["remove"]} == {"Read-only file system"}
        assert found["mode"] in {"Read-only file system", "Operation not permitted"}
        assert found["new terminal"] in {"Permission denied", "No such file or directory"}
        assert found["shared memory"] is None
        assert found["set-user-id"] is True


def test_proc(attempts):
    found = attempts("""
attempt('pid 1', lambda: os.listdir('/proc/1'))
for name in ('root', 'mem', 'environ', 'fd', 'cwd'):
    attempt(name, lambda: bool(os.stat(f'/proc/1/{name}')))
def write(path, text):
    with open(path, 'w') as stream: stream.write(text)
attempt('sysctl', lambda: write('/proc/sys/kernel/core_pattern', '|/tmp/x'))
attempt('sysrq', lambda: write('/proc/sysrq-trigger', 'h'))
attempt('oom', lambda: write('/proc/self/oom_score_adj', '-1000'))
attempt('uid_map', lambda: write('/proc/self/uid_map', '0 0 1'))
attempt('ns_last_pid', lambda: write('/proc/sys/kernel/ns_last_pid', '1'))
""")  # fmt: skip
    assert found["pid 1"] == []
    for name in ("root", "mem", "environ", "fd", "cwd"):
        assert found[name] == "No such file or directory"
    refused = {
        "Permission denied",
        "Operation not permitted",
        "Read-only file system",
        "No such file or directory",
    }
    for name in ("sysctl", "sysrq", "oom", "uid_map", "ns_last_pid"):
        assert found[name] in refused, name


def test_network(attempts):
    # An abstract name on the host, which only a network namespace hides.
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0neurocaas-test")
        server.listen()
        found = attempts(r"""
def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(2)
        s.connect(address)
attempt('abstract', lambda: connect(socket.AF_UNIX, '\0neurocaas-test'))
attempt('local', lambda: connect(socket.AF_INET, ('127.0.0.1', 22)))
attempt('far', lambda: connect(socket.AF_INET, ('192.0.2.1', 53)))
attempt('far6', lambda: connect(socket.AF_INET6, ('2001:db8::1', 53)))
attempt('names', lambda: [n for _, n in socket.if_nameindex()])
for name, family in (('vsock', 40), ('packet', 17), ('alg', 38), ('bluetooth', 31)):
    attempt(name, lambda: socket.socket(family, socket.SOCK_STREAM).fileno())
""")
    assert found["abstract"] == "Connection refused"
    assert found["local"] == "Connection refused"
    assert found["far"] == "Network is unreachable"
    assert found["far6"] in {"Network is unreachable", "Cannot assign requested address"}
    assert found["names"][0] == "lo"
    for name in ("vsock", "packet", "alg", "bluetooth"):
        assert found[name] == "Address family not supported by protocol", name


@pytest.mark.skipif(not _X86, reason="numbers of x86-64")
def test_system_calls(attempts):
    found = attempts("""
attempt('ptrace', lambda: call(101, 0, 0, 0, 0))
attempt('unshare user', lambda: call(272, 0x10000000))
attempt('unshare mount', lambda: call(272, 0x00020000))
attempt('clone user', lambda: call(56, 0x10000011, 0, 0, 0, 0))
attempt('clone time', lambda: call(56, 0x00000091, 0, 0, 0, 0))
attempt('setns', lambda: call(308, 0, 0))
attempt('mount', lambda: call(165, b'none', b'/tmp', b'tmpfs', 0, 0))
attempt('umount', lambda: call(166, b'/proc/1', 2))
attempt('fsopen', lambda: call(430, b'tmpfs', 0))
attempt('chroot', lambda: call(161, b'/tmp'))
attempt('keyctl', lambda: call(250, 0, -3, 0))
attempt('bpf', lambda: call(321, 0, 0, 0))
attempt('io_uring', lambda: call(425, 1, 0))
attempt('userfaultfd', lambda: call(323, 0))
attempt('perf', lambda: call(298, 0, 0, 0, 0, 0))
attempt('pidfd_getfd', lambda: call(438, 0, 0, 0))
attempt('vm_readv', lambda: call(310, 1, 0, 0, 0, 0, 0))
attempt('sethostname', lambda: call(170, b'x', 1))
attempt('inject', lambda: call(16, 0, 0x5412, b'x'))
attempt('clone3', lambda: call(435, 0, 0))
attempt('tomorrow', lambda: call(470, 0))
attempt('setuid', lambda: os.setuid(0))
attempt('nice', lambda: os.nice(-5))
attempt('limits', lambda: resource.setrlimit(resource.RLIMIT_NPROC, (10**5, 10**5)))
""")
    unknown = {name: found.pop(name) for name in ("clone3", "tomorrow")}
    assert set(unknown.values()) == {"Function not implemented"}
    assert found.pop("setuid") == "Invalid argument"
    assert found.pop("limits") == "ValueError"
    assert found.pop("nice") in {"Operation not permitted", "Permission denied"}
    assert set(found.values()) == {"Operation not permitted"}, found


@pytest.mark.skipif(not _X86, reason="machine code of x86-64")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        # getpid through the tables of 32-bit and of x32 programs: mov eax, N; int 0x80 | syscall
        ("i386", "b8140000 00cd80c3"),
        ("x32", "b8270000 400f05c3"),
    ],
)
def test_other_system_call_tables_kill(run, name, code):
    done = run(f"""
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex('{code.replace(" ", "")}'))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print('still', ctypes.CFUNCTYPE(ctypes.c_int)(address)())
""")
    assert done.result.reason == "killed", name
    assert done.lines == []


def test_no_process_of_the_host_can_be_seen_or_signalled(attempts):
    found = attempts(f"""
attempt('all', lambda: os.kill(-1, 0))
attempt('caller', lambda: os.kill({os.getpid()}, 0))
""")
    assert found["caller"] == "No such process"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
