"""What happens in a container whose worker confines runs by chroot: `chroot_scenes.py FOLDER PYTHON SCENE`.

This is the first process of the container. A scene returns what it saw, which is printed as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import chroot_ends
import chroot_tries
from chroot_stage import Stage

if __name__ == "__main__":
    os.umask(0o077)
    folder, scene = Path(sys.argv[1]), sys.argv[3]
    if scene == "probe":
        told = chroot_ends.probe(folder)
    else:
        play = {**vars(chroot_tries), **vars(chroot_ends)}[scene]
        told = play(Stage(folder, sys.argv[2]))
    sys.stdout.write(json.dumps(told, default=str))
