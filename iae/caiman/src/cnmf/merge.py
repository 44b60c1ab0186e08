"""Join components that are parts of one cell: they overlap and have one trace."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cnmf.factors import columns, normalised
from cnmf.noise import Array

_ROUNDS = 10


def joined(A: sparse.csc_array, C: Array, least: float) -> tuple[sparse.csc_array, Array, int]:
    """Return footprints (P, K'), traces (K', T), and how many components went into others.

    Overlapping footprints whose traces correlate by `least` or more are one component: the rank-1
    non-negative factorization of their sum (Pnevmatikakis et al. 2016, "Merging").
    """
    count = A.shape[1]
    spread = C.std(axis=1)
    moving = spread > 0
    similar = np.zeros((count, count), dtype=bool)
    if moving.any():
        centred = C[moving] - C[moving].mean(axis=1, keepdims=True)
        centred /= np.linalg.norm(centred, axis=1, keepdims=True)
        similar[np.ix_(moving, moving)] = centred @ centred.T >= least
    overlap = (A.T @ A).toarray() > 0
    groups, label = connected_components(similar & overlap, directed=False)
    if groups == count:
        return A, C, 0
    images, courses = [], []
    for group in range(groups):
        members = np.flatnonzero(label == group)
        image, course = columns(A, members), C[members]
        if len(members) > 1:
            dense = image.toarray()
            weight = dense.sum(axis=1)
            for _ in range(_ROUNDS):
                trace = (weight @ dense) @ course
                trace = np.maximum(trace, 0)
                weight = np.maximum(dense @ (course @ trace), 0) / max(float(trace @ trace), 1e-300)
                weight /= max(float(np.linalg.norm(weight)), 1e-300)
            image, course = sparse.csc_array(weight[:, None]), ((weight @ dense) @ course)[None]
        images.append(image)
        courses.append(course)
    A, C = normalised(sparse.csc_array(sparse.hstack(images)), np.concatenate(courses))
    return A, C, count - groups
