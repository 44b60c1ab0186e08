"""A real Slurm on this machine: its own daemons, in a folder, on loopback, with several virtual nodes.

Nothing of an installed Slurm is used but its programs. Every daemon stays in the foreground as our
child, dies with the thread that started it (the main one), and is ended by its process id.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_CLUSTER = "neurocaas"


def find(program):
    """Return the path of a program, also where only root looks; None when there is none."""
    return shutil.which(program, path=_PATH)


def missing(*, accounting=False):
    """Say what a cluster lacks on this machine, or return an empty text."""
    programs = ["slurmctld", "slurmd", "sbatch", "munged"]
    programs += ["slurmdbd", "mariadbd", "mariadb-install-db"] if accounting else []
    lacking = [name for name in programs if find(name) is None]
    if lacking:
        return f"no {', '.join(lacking)} (scripts/setup-slurm installs them)"
    return "" if os.geteuid() == 0 else "the daemons of several nodes are started as root"


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Cluster:
    """A running cluster; use it as a context manager.

    `environment` is what a client needs. The nodes are `n1`, `n2` ...; partitions are `standard`,
    `save` and `narrow` (only n1).
    """

    def __init__(self, *, accounting=False, nodes=4, cpus=2, max_array=1001):
        self.folder = Path(tempfile.mkdtemp(prefix="neurocaas-slurm-"))
        self.folder.chmod(0o755)
        self.accounting = accounting
        self.nodes = [f"n{i + 1}" for i in range(nodes)]
        self.cpus, self.max_array = cpus, max_array
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "NEUROCAAS_"))},
            "PATH": _PATH,
            "SLURM_CONF": str(self.folder / "etc/slurm.conf"),
        }
        self._daemons: dict[str, subprocess.Popen] = {}
        self._first_job = 1
        self._ports: list[int] = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def call(self, *command, check=True):
        """Run one of Slurm's commands as a user would; return its output."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
        return done.stdout

    def jobs(self):
        """Return the rows (id, name, state) of everything that Slurm remembers, task by task."""
        rows = self.call("squeue", "-h", "-r", "-t", "all", "-o", "%F_%K|%j|%T")
        return [tuple(line.split("|")) for line in rows.splitlines()]

    def wait(self, condition, seconds=60.0, what="condition"):
        """Wait until a condition gives something true, and return that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.1)
        raise AssertionError(f"{what} did not come true in {seconds} s\n{self.logs()}")

    def logs(self):
        """Return the ends of the daemons' logs, for a failed test."""
        parts = []
        for path in sorted((self.folder / "log").glob("*")):
            text = path.read_text(errors="replace")[-1500:]
            parts.append(f"== {path.name}\n{text}")
        return "\n".join(parts)

    def start_node(self, node):
        """Start the daemon of a node."""
        self._spawn(f"slurmd-{node}", "slurmd", "-D", "-N", node, "-f", self._conf)

    def kill_daemon(self, node):
        """End only the daemon of a node: to Slurm it is gone, but what runs there goes on."""
        daemon = self._daemons.pop(f"slurmd-{node}")
        daemon.kill()
        daemon.wait()

    def kill_node(self, node):
        """End a node as a power cut would: its daemon, its step managers and what they run."""
        daemon = self._daemons.pop(f"slurmd-{node}")
        victims = {daemon.pid}
        processes = _processes()
        for pid, (_, environ) in processes.items():
            if f"SLURMD_NODENAME={node}".encode() in environ and self._mark in environ:
                victims.add(pid)
        managers = set()
        for pid in victims:
            while (pid := processes.get(pid, (0, b""))[0]) > 1:
                if _name(pid).startswith("slurmstepd"):
                    managers.add(pid)
        for pid in [daemon.pid, *managers, *(victims - {daemon.pid})]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        daemon.wait()

    def stop_controller(self):
        """End the controller in good order: killed, it may not have saved what it knew."""
        daemon = self._daemons.pop("slurmctld")
        daemon.terminate()
        daemon.wait(20)

    def forget(self):
        """Make the controller forget every job, as it does by itself after a while."""
        self.stop_controller()
        shutil.rmtree(self.folder / "state")
        (self.folder / "state").mkdir()
        # Numbers of jobs go on: the accounting would take equal ones for the same.
        self._first_job += 1000
        self._write_configuration(self._ports)
        self.start_controller()

    def start_controller(self):
        """Start the controller, and wait until it answers."""
        self._spawn("slurmctld", "slurmctld", "-D", "-f", self._conf)
        self.wait(lambda: "UP" in self.call("scontrol", "ping", check=False), what="slurmctld")

    def stop(self):
        """End every process of the cluster, and remove its folder."""
        with contextlib.suppress(Exception):
            if "slurmctld" in self._daemons:
                self.call("scancel", "-s", "KILL", "-f", "-u", "root", check=False)
        # Nothing of it is needed any more, so nobody is given time to put things in order.
        for daemon in reversed(self._daemons.values()):
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()
        # Step managers outlive the daemon that started them, and jobs outlive those.
        for _ in range(5):
            left = [pid for pid, (_, env) in _processes().items() if self._mark in env]
            for pid in left:
                if pid != os.getpid():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            if not left:
                break
            time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _mark(self):
        return os.fsencode(self.folder)

    @property
    def _conf(self):
        return self.environment["SLURM_CONF"]

    @property
    def _socket(self):
        return self.folder / "run/munge.sock"

    def _spawn(self, name, program, *arguments):
        log = self.folder / "log" / f"{name}.out"
        with log.open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                [find(program), *map(str, arguments)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call of the kernel, no lock
                start_new_session=True,
            )

    def _start(self):
        for name in ("etc", "run", "log", "state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        key = self.folder / "etc/munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        ports = self._ports = _free_ports(3 + len(self.nodes))
        self._write_configuration(ports)
        # munge as root insists on --force: its folders are not those of a system service.
        self._spawn(
            "munged", "munged", "--foreground", "--force", "--num-threads=4",
            f"--socket={self._socket}", f"--key-file={key}",
            f"--pid-file={self.folder}/run/munged.pid", f"--log-file={self.folder}/log/munged.log",
            f"--seed-file={self.folder}/run/munge.seed",
        )  # fmt: skip
        self.wait(self._socket.exists, what="munged")
        if self.accounting:
            self._start_accounting(ports[1])
        self.start_controller()
        for node in self.nodes:
            (self.folder / "spool" / node).mkdir()
            self.start_node(node)
        self.wait(
            lambda: self.call("sinfo", "-h", "-N", "-p", "standard", "-t", "idle", "-o", "%N")
            .split()
            .__len__() == len(self.nodes),
            what="nodes",
        )  # fmt: skip

    def _start_accounting(self, port):
        data, log = self.folder / "mysql", self.folder / "log/mariadb.log"
        data.mkdir()
        log.touch()
        for path in (data, log):
            shutil.chown(path, "mysql")
        install = [
            find("mariadb-install-db"), "--no-defaults", "--user=mysql", f"--datadir={data}",
            "--auth-root-authentication-method=socket", "--skip-test-db",
        ]  # fmt: skip
        subprocess.run(install, check=True, capture_output=True)
        self._spawn(
            "mariadbd", "mariadbd", "--no-defaults", "--user=mysql", f"--datadir={data}",
            "--bind-address=127.0.0.1", f"--port={port}", f"--socket={data}/s.sock",
            "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", "--skip-log-bin",
            "--innodb-lock-wait-timeout=900", f"--log-error={log}",
        )  # fmt: skip
        sql = (
            "create database slurm_acct_db; create user slurm@'127.0.0.1' identified by 'slurm';"
            " grant all on slurm_acct_db.* to slurm@'127.0.0.1'"
        )
        client = [find("mariadb"), "--no-defaults", "-S", f"{data}/s.sock", "-e"]
        self.wait(
            lambda: (
                subprocess.call(
                    [*client, "select 1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                == 0
            ),
            what="mariadbd",
        )
        subprocess.run([*client, sql], check=True, capture_output=True)
        self._spawn("slurmdbd", "slurmdbd", "-D")
        self.wait(
            lambda: not self.call("sacctmgr", "-n", "-i", "add", "cluster", _CLUSTER, check=False)
            .startswith("sacctmgr: error") and _CLUSTER in self.call("sacctmgr", "-n", "list", "cluster", check=False),
            what="slurmdbd",
        )  # fmt: skip

    def _write_configuration(self, ports):
        folder, host = self.folder, socket.gethostname().partition(".")[0]
        auth = f"socket={self._socket},cred_expire=10"
        lines = [
            f"ClusterName={_CLUSTER}",
            f"SlurmctldHost={host}(127.0.0.1)",
            f"SlurmctldPort={ports[0]}",
            "SlurmUser=root",
            "SlurmdUser=root",
            "AuthType=auth/munge",
            f"AuthInfo={auth}",
            "CredType=cred/munge",
            "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
            f"StateSaveLocation={folder}/state",
            f"SlurmdSpoolDir={folder}/spool/%n",
            f"SlurmctldPidFile={folder}/run/slurmctld.pid",
            f"SlurmdPidFile={folder}/run/slurmd-%n.pid",
            f"SlurmctldLogFile={folder}/log/slurmctld.log",
            f"SlurmdLogFile={folder}/log/slurmd-%n.log",
            "MailProg=/bin/true",
            # Hybrid control groups are beyond Slurm's own plugin; our sandbox sets the limits.
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "SwitchType=switch/none",
            "MpiDefault=none",
            "SlurmdParameters=config_overrides",
            "ReturnToService=2",
            "SlurmdTimeout=6",
            "SlurmctldTimeout=20",
            "KillWait=3",
            "MinJobAge=300",
            "BatchStartTimeout=20",
            "SchedulerType=sched/backfill",
            "SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_CPU_Memory",
            "JobRequeue=1",
            f"FirstJobId={self._first_job}",
            f"MaxArraySize={self.max_array}",
            "JobAcctGatherType=jobacct_gather/none",
            "GresTypes=gpu",
        ]
        if self.accounting:
            lines += [
                "AccountingStorageType=accounting_storage/slurmdbd",
                "AccountingStorageHost=127.0.0.1",
                f"AccountingStoragePort={ports[2]}",
                f"AccountingStoragePass={self._socket}",
            ]
            dbd = folder / "etc/slurmdbd.conf"
            dbd.write_text(
                f"AuthType=auth/munge\nAuthInfo={auth}\nDbdHost={host}\nDbdAddr=127.0.0.1\n"
                f"DbdPort={ports[2]}\nSlurmUser=root\nPidFile={folder}/run/slurmdbd.pid\n"
                f"LogFile={folder}/log/slurmdbd.log\nStorageType=accounting_storage/mysql\n"
                f"StorageHost=127.0.0.1\nStoragePort={ports[1]}\nStorageUser=slurm\n"
                "StoragePass=slurm\nStorageLoc=slurm_acct_db\n"
                "CommunicationParameters=NoInAddrAny\n"
            )
            dbd.chmod(0o600)
        else:
            lines.append("AccountingStorageType=accounting_storage/none")
        for node, port in zip(self.nodes, ports[3:], strict=True):
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
                f" CPUs={self.cpus} RealMemory=4000 State=UNKNOWN"
            )
        every = ",".join(self.nodes)
        lines += [
            f"PartitionName=standard Nodes={every} Default=YES MaxTime=06:00:00 State=UP",
            f"PartitionName=save Nodes={every} MaxTime=06:00:00 State=UP",
            f"PartitionName=narrow Nodes={self.nodes[0]} MaxTime=06:00:00 State=UP",
        ]
        (folder / "etc/slurm.conf").write_text("\n".join(lines) + "\n")


def _processes():
    """Return parent and environment of every process that can be looked at."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                with open(f"/proc/{entry}/environ", "rb") as stream:
                    environ = stream.read()
                with open(f"/proc/{entry}/stat") as stream:
                    parent = int(stream.read().rpartition(")")[2].split()[1])
                found[int(entry)] = (parent, environ)
    return found


def _name(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return stream.read().decode(errors="replace")
    except OSError:
        return ""
