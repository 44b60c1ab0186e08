"""Scenes of what a run in a chroot is, sees and tries."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

from chroot_stage import Stage

from neurocaas_ci.build.roots import fingerprint
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.outputs import collect
from neurocaas_ci.run.sandbox.command import NOBODY
from neurocaas_ci.stores.directory import DirectoryBlobs


def who(stage: Stage) -> dict:
    return stage.attempts("""
found['ids'] = [os.getresuid(), os.getresgid(), os.getgroups()]
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, data)
found['capabilities'] = list(data)
found['bounding'] = [n for n in range(41) if libc.prctl(23, n, 0, 0, 0) == 1]
found['no_new_privs'], found['seccomp'] = libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0)
found['environment'] = dict(os.environ)
found['session'] = os.getsid(0) == os.getpid()
found['folder'], found['root'] = os.getcwd(), sorted(os.listdir('/'))
found['devices'] = sorted(os.listdir('/dev'))
found['proc'] = sorted(os.listdir('/proc'))
def is_open(fd):
    try: return bool(os.fstat(fd))
    except OSError: return False
found['descriptors'] = [fd for fd in range(4096) if is_open(fd)]
attempt('zeros', lambda: list(open('/dev/zero', 'rb').read(2)))
attempt('random', lambda: len(open('/dev/urandom', 'rb').read(8)))
attempt('null', lambda: open('/dev/null', 'wb').write(b'x'))
attempt('given', lambda: open('/inputs/a.txt').read())
attempt('shared', lambda: __import__('mmap').mmap(os.open('/dev/shm/x', os.O_RDWR | os.O_CREAT), 0))
found['limits'] = [resource.getrlimit(n)[1] for n in
    (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE)]
""")


def network(stage: Stage) -> dict:
    """The endpoint that gives a task's credentials is tried, and a server that listens here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return stage.attempts(f"""
def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(2)
        s.connect(address)
attempt('credentials', lambda: connect(socket.AF_INET, ('169.254.170.2', 80)))
attempt('here', lambda: connect(socket.AF_INET, ('127.0.0.1', {server.getsockname()[1]})))
attempt('datagram', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW))
attempt('inet6', lambda: connect(socket.AF_INET6, ('::1', 80)))
attempt('high bits', lambda: call(41, (1 << 32) | 2, 1, 0))
for name, family in (('netlink', 16), ('packet', 17), ('vsock', 40), ('alg', 38)):
    attempt(name, lambda: socket.socket(family, socket.SOCK_RAW))
attempt('io_uring', lambda: call(425, 1, 0))
attempt('pidfd_getfd', lambda: call(438, 0, 0, 0))
attempt('pair', lambda: len(socket.socketpair()))
attempt('unix', lambda: socket.socket(socket.AF_UNIX).close())
""")


def worker(stage: Stage) -> dict:
    """The worker's environment holds what a task's would: nobody else may read it."""
    found = stage.attempts(f"""
for pid in ({os.getpid()}, os.getppid()):
    attempt(f'environ {{pid == os.getppid()}}', lambda: open(f'/proc/{{pid}}/environ').read())
    attempt(f'signal {{pid == os.getppid()}}', lambda: os.kill(pid, 0))
    attempt(f'read {{pid == os.getppid()}}', lambda: call(310, pid, 0, 0, 0, 0, 0))
    attempt(f'trace {{pid == os.getppid()}}', lambda: call(101, 16, pid, 0, 0))
attempt('mount', lambda: call(165, b'proc', b'/tmp', b'proc', 0, 0))
attempt('namespace', lambda: call(272, 0x10000000))
attempt('segment', lambda: call(29, 1, 4096, 0o1666))
attempt('queue', lambda: call(240, b'x', 0o102, 0o666, 0))
attempt('all', lambda: os.kill(-1, 0))
""")
    return found | {"secret": os.environ["AWS_SECRET_ACCESS_KEY"]}


def escape(stage: Stage) -> dict:
    before = fingerprint(stage.root)
    marker = stage.base / "outside"
    marker.write_text("not for runs")
    found = stage.attempts(f"""
up = '../' * 64
attempt('up', lambda: os.stat(up).st_ino == os.stat('/').st_ino)
attempt('marker', lambda: open(up + '{marker}'.lstrip('/')).read())
attempt('chroot', lambda: os.chroot('/tmp'))
attempt('user', lambda: os.setuid(0))
attempt('device', lambda: os.mknod('/tmp/d', 0o60666, os.makedev(8, 0)))
attempt('handle', lambda: call(304, 3, 0, 0))
for path in ('/x', '/usr/x', '/etc/passwd', '/iae/x', '/dev/x', '/proc/x', '/inputs/x', '/inputs/a.txt'):
    attempt(path, lambda: open(path, 'w').name)
attempt('mode', lambda: os.chmod('/etc/passwd', 0o666))
attempt('rename', lambda: os.rename('/outputs', '/tmp/outputs'))
attempt('replace', lambda: os.rename('/etc/passwd', '/tmp/passwd'))
attempt('hard link', lambda: os.link('/etc/passwd', '/outputs/passwd'))
os.symlink('{marker}', '/outputs/link')
os.chdir('/outputs')
""")
    outputs = Path(found["run"]["where"])
    kept, problem = collect(outputs, DirectoryBlobs(stage.base / "store"), RunLimits(), ())
    return found | {
        "untouched": fingerprint(stage.root) == before,
        "kept": len(kept),
        "problem": problem,
    }


_LOOK = """
import json, os, stat
def look(folder='/'):
    for entry in os.scandir(folder):
        facts = entry.stat(follow_symlinks=False)
        kind = stat.S_IFMT(facts.st_mode)
        if entry.path.split('/')[1] not in ('dev', 'inputs', 'outputs', 'proc', 'sys', 'tmp'):
            bad = kind != stat.S_IFLNK and facts.st_mode & 0o7022
            yield entry.path, stat.S_IFMT(facts.st_mode), facts.st_uid, bool(bad)
        if kind == stat.S_IFDIR and entry.path not in ('/proc', '/dev'):
            yield from look(entry.path)
found = sorted(look())
print(json.dumps([len(found), [row for row in found if row[2] or row[3]],
    [row[0] for row in found if 'odd' in row[0]], os.path.islink('/tmp'), sorted(os.listdir('/sys'))]))
"""


def strange_image(stage: Stage) -> dict:
    """An image that some other tool has made; copied, and taken over as one of the run's own."""
    image, victim = stage.base / "strange", stage.base / "victim"
    subprocess.run(["cp", "-a", str(stage.root), str(image)], check=True)
    victim.mkdir()
    for name, mode in (("odd-open", 0o666), ("odd-setuid", 0o4755), ("odd-nobody", 0o600)):
        (image / "iae" / name).touch()
        (image / "iae" / name).chmod(mode)
    os.chown(image / "iae/odd-nobody", NOBODY, NOBODY)
    (image / "iae/odd-folder").mkdir()
    (image / "iae/odd-folder").chmod(0o1777)
    os.mknod(image / "iae/odd-device", 0o60666, os.makedev(8, 0))
    (image / "iae/odd-link").symlink_to(victim)
    (image / "tmp").rmdir()
    (image / "tmp").symlink_to(victim)
    (image / "sys/odd").touch()
    seen = []
    for own in (False, True):
        request = stage.request(_LOOK)._replace(root=image, own_root=own)
        assert stage.sandbox.execute(request).reason == "exited", request.log.read_text()
        seen.append(json.loads(request.log.read_text().partition(" ")[2]))
        if not own:
            unchanged = (image / "iae/odd-open").stat().st_mode & 0o777 == 0o666
    return {
        "unchanged": unchanged,
        "gone": not image.exists(),
        "victim": [victim.stat().st_uid, os.listdir(victim)],
        "seen": seen,
    }
