"""Write HDF5 files that hold one of everything, and change one thing in them."""

from __future__ import annotations

import h5py
import numpy as np

VALUES = np.arange(60.0).reshape(6, 10)


def rich(file):
    """Fill a file with one of everything."""
    file.create_dataset("m", data=VALUES, chunks=(3, 5), compression="gzip")
    file["group/names"] = ["a", "bc"]
    file["group"].attrs["rate"] = 30.0
    file["soft"] = h5py.SoftLink("/nowhere")
    file["external"] = h5py.ExternalLink("/etc/passwd", "/x")
    file["same"] = file["m"]
    file["loop/up"] = file["/"]
    file["scalar"] = 3.5
    file["nothing"] = h5py.Empty("f8")
    file["zero"] = np.zeros((0, 3))
    file["references"] = np.array([file["m"].ref, file["group"].ref], dtype=h5py.ref_dtype)
    lists = file.create_dataset("lists", (3,), dtype=h5py.vlen_dtype("f8"))
    lists[0], lists[2] = [1, 2, 3], [4.0]
    file["record"] = np.array([(1, 2.5, b"x")], dtype=[("a", "i4"), ("b", "f8"), ("c", "S3")])
    file["type"] = np.dtype("f4")
    file["flags"] = np.array([True, False])
    scale = file.create_dataset("scale", data=np.arange(6.0))
    scale.make_scale("x")
    file["m"].dims[0].attach_scale(scale)


def write(*steps, **more):
    def to(path):
        with h5py.File(path, "w", **more) as file:
            for step in steps:
                step(file)

    return to


def change(name, values):
    def step(file):
        del file[name]
        file[name] = values

    return step


def bytes_of(tmp_path, *steps, **more):
    path = tmp_path / "made"
    write(*steps, **more)(path)
    return path.read_bytes()
