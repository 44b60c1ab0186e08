"""A workflow that does what its parameters say: the subject of the fault tests."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

# Without a sandbox nothing is mounted, and the folders are named.
inputs = os.environ.get("NEUROCAAS_INPUTS", "/inputs")
config = json.loads(Path(inputs, "config.yaml").read_text())
parameters = config["parameters"]
mode = parameters["mode"]
out = Path(os.environ.get("NEUROCAAS_OUTPUTS", "/outputs"))


def answer(**extra):
    seen = {}
    for path in sorted(Path(inputs).rglob("*")):
        if path.is_file() and path.name != "config.yaml":
            seen[str(path.relative_to(inputs))] = path.read_text()
    (out / "result.json").write_text(
        json.dumps({"seen": seen, "replica": config["replica"], **extra}, sort_keys=True)
    )


print("::progress 0.5 half of it", flush=True)
time.sleep(parameters["seconds"])
if mode == "ok":
    answer()
elif mode == "random":
    answer(random=os.urandom(8).hex())
elif mode == "time":
    answer(time=time.time_ns())
elif mode == "threads":
    import threading

    turns = []
    racers = [threading.Thread(target=lambda: turns.append(time.monotonic_ns())) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    answer(turns=turns)
elif mode in {"jitter", "drift"}:
    import random

    # The last bits, as another processor would give them, or the third digit.
    scale = 1e-12 if mode == "jitter" else 1e-3
    chance = random.SystemRandom()
    rows = [f"{k + scale * chance.uniform(0.5, 1):.17g}" for k in range(1, 100)]
    (out / "values.csv").write_text("value\n" + "\n".join(rows) + "\n")
elif mode == "exit3":
    print("something is wrong with this recording")
    sys.exit(3)
elif mode == "odd":
    # Fails for one dataset only.
    if "fail" in Path(inputs, config["dataset"]).read_text():
        sys.exit(4)
    answer()
elif mode == "large":
    # Longer than a part of an upload to S3, with a file before and one after it.
    (out / "first.txt").write_text("first\n")
    (out / "large.bin").write_bytes(bytes(range(256)) * (18 << 12))
    answer()
elif mode == "nothing":
    pass
elif mode == "memory":
    answer(size=len(bytearray(400 << 20)))
elif mode == "child-memory":
    subprocess.run([sys.executable, "-I", "-c", "bytearray(400 << 20)"], check=False)
    answer()
elif mode == "symlink":
    answer()
    os.symlink("/etc/passwd", out / "link")
elif mode == "network":
    import socket

    try:
        # The dataset names a port of this machine on which somebody listens.
        port = int(Path(inputs, config["dataset"]).read_text())
        socket.create_connection(("127.0.0.1", port), 1)
    except OSError as error:
        answer(refused=error.strerror)
elif mode == "daemon":
    answer()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(1)
        os._exit(0)
else:
    raise SystemExit(f"unknown mode {mode}")
