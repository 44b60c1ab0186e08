"""What certificates cost: sign, verify, audit a whole registry, add up usage, hash results.

    python benchmarks/certify.py [--certificates 10000] [--rounds 200]

Each figure stands beside what it is compared with, measured in the same run: signing and verifying
beside sigstore-python's own verifier, the whole process beside a bare interpreter, the audit with
one and with two processes, hashing beside `hashlib.file_digest`. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from certificates_fixture import Certified, make_facts
from measure import heading, median
from platform_fixture import BLUEPRINT
from sigstore.models import Bundle
from sigstore.verify import policy

from neurocaas_ci.audit.files import file_digest
from neurocaas_ci.audit.harvest import certificates, finished_jobs, first_months
from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.identity import Expected
from neurocaas_ci.audit.signature import load_root
from neurocaas_ci.audit.survey import Terms, survey
from neurocaas_ci.audit.usage import summarise
from neurocaas_ci.audit.verify import Question, verify
from neurocaas_ci.certify.layout import certificate_path
from neurocaas_ci.certify.statement import make_statement
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.signing.identities import LOCAL_IDENTITY

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        began = time.perf_counter()
        made = Certified(folder, ROOT, BLUEPRINT, arguments.certificates)
        seconds = time.perf_counter() - began
        print(f"{arguments.certificates} jobs committed and certified in {seconds:.0f} s, "
              f"{seconds / arguments.certificates * 1e3:.1f} ms each")  # fmt: skip
        trust_root = made.signer.trusted_root
        with heading("In process (median, ms)"):
            in_process(made, trust_root, arguments.rounds)
        with heading("Whole process"):
            whole_process(made, trust_root)
        with heading("Audit"):
            audit(made, trust_root)
        with heading("Usage"):
            usage(made)
        with heading("Hashing one file of 1 GiB"):
            hashing(folder)


def in_process(made: Certified, trust_root: Path, rounds: int) -> None:
    """Print sign and verify, beside sigstore-python's verifier on the same bundles."""
    origin = made.origin()
    with GitTree(made.repo, made.root) as published:
        facts = make_facts(made.jobs[0], made.commits[0], b"", published)
    statement = make_statement(facts, origin)
    sign = _median(lambda: made.signer.sign(statement, origin), rounds)
    root = load_root(trust_root, offline=True)
    identity = policy.Identity(identity=LOCAL_IDENTITY)
    with History(made.repo, "refs/heads/main") as history:
        bundle = history.main.read(certificate_path(made.jobs[0])) or b""
        parsed = Bundle.from_json(bundle)
        theirs = _median(lambda: root.verifier.verify_dsse(parsed, identity), rounds)
        alone = _median(lambda: verify(bundle, Question(root)), rounds)
        whole = _median(lambda: verify(bundle, Question(root, Expected(), history)), rounds)
        if not verify(bundle, Question(root, Expected(), history)).valid:
            raise SystemExit("the certificate does not verify")
    print(f"  sign                                    {sign:6.2f}   (bar: 20)")
    print(f"  sigstore-python verify_dsse             {theirs:6.2f}")
    print(
        f"  verify: signature, signer, statement    {alone:6.2f}   x {alone / theirs:.2f} of that (bar: 5)"
    )
    print(f"  the same, and against the registry      {whole:6.2f}   x {whole / theirs:.2f}")


def whole_process(made: Certified, trust_root: Path) -> None:
    """Print `neurocaas verify` as a user calls it, beside a bare interpreter."""
    env = {**os.environ, "NEUROCAAS_HOME": str(made.repo.parent / "home")}
    words = ["verify", made.jobs[0], "--offline", "--trust-root", str(trust_root)]
    ours = [sys.executable, "-m", "neurocaas_ci.cli.main", *words]
    imports = [sys.executable, "-c", "import sigstore.verify, sigstore.models"]
    bare = [sys.executable, "-c", "pass"]
    rows = {"python -c pass": [], "import sigstore": [], "neurocaas verify JOB": []}
    for _ in range(9):
        for name, command in zip(rows, (bare, imports, ours), strict=True):
            began = time.perf_counter()
            subprocess.run(command, cwd=made.repo, env=env, check=True, capture_output=True)
            rows[name].append(time.perf_counter() - began)
    base = median(rows["import sigstore"])
    for name, seconds in rows.items():
        print(f"  {name:<22} {median(seconds):.2f} s, x {median(seconds) / base:.2f} of the import")
    print("  (bar: 1 s)")


def audit(made: Certified, trust_root: Path) -> None:
    """Print certificates per second with one and two processes, and how it grows."""
    terms = Terms(made.repo, "refs/heads/main", (trust_root,), offline=True, expected=Expected())
    paths = [certificate_path(job) for job in made.jobs]
    rates: dict[tuple[int, int], float] = {}
    for count in sorted({len(paths) // 10, len(paths)}):
        for workers in (1, 2):
            began = time.perf_counter()
            files = survey(terms, paths[:count], workers=workers)
            seconds = time.perf_counter() - began
            if not all(file.verification.valid for file in files):
                raise SystemExit("a certificate does not verify")
            rates[count, workers] = count / seconds
            print(f"  {count:>6} certificates, {workers} process{'es' if workers > 1 else ''}: "
                  f"{seconds:6.1f} s, {count / seconds:5.0f} per second")  # fmt: skip
    most, least = len(paths), len(paths) // 10
    print(f"  two processes: x {rates[most, 2] / rates[most, 1]:.2f} of one; "
          f"{most} against {least} certificates: x {rates[most, 2] / rates[least, 2]:.2f} per second")  # fmt: skip


def usage(made: Certified) -> None:
    """Print how fast certificates are added up, beside reading and decoding them with `json`."""
    with GitTree(made.repo, "refs/heads/main") as main:
        files = certificates(main)
        began = time.perf_counter()
        for _, entry in files:
            _, content = main.objects.object(entry.blob) or ("", b"")
            json.loads(base64.b64decode(json.loads(content)["dsseEnvelope"]["payload"]))
        middle = time.perf_counter()
        unreadable: list[str] = []
        jobs = finished_jobs(main, files, unreadable=lambda path, _: unreadable.append(path))
        report = summarise(jobs, first_months(job for job, _ in files))
        theirs, ours = middle - began, time.perf_counter() - middle
    if unreadable or report.total.jobs != len(made.jobs):
        raise SystemExit("not all certificates were counted")
    print(f"  {len(files)} certificates: git and json {len(files) / theirs:.0f} per second; "
          f"usage {len(files) / ours:.0f} per second, x {ours / theirs:.2f} of that time")  # fmt: skip


def hashing(folder: Path) -> None:
    """Print how fast a file of results is hashed, beside the standard library alone."""
    path = folder / "large"
    with path.open("wb") as stream:
        for _ in range(1024):
            stream.write(os.urandom(1 << 20))
    pairs = []
    for _ in range(5):
        began = time.perf_counter()
        with path.open("rb") as stream:
            expected = hashlib.file_digest(stream, "sha256").hexdigest()
        middle = time.perf_counter()
        if file_digest(folder, "large") != expected:
            raise SystemExit("another digest")
        pairs.append((middle - began, time.perf_counter() - middle))
    theirs, ours = (median([pair[k] for pair in pairs]) for k in (0, 1))
    print(f"  hashlib.file_digest {1.073741824 / theirs:.2f} GB/s; verify {1.073741824 / ours:.2f} GB/s, "
          f"x {median([p / q for p, q in pairs]):.2f} of it (bar: 0.90)")  # fmt: skip


def _median(function: Callable[[], object], rounds: int) -> float:
    """Return milliseconds."""
    samples = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        samples.append(time.perf_counter() - began)
    return median(samples) * 1e3


if __name__ == "__main__":
    main()
