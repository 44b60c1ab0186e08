"""Decode labelled pictures once before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from dlc_training.project import Project
from dlc_training.refusal import Refusal


def check(project: Project, paths: Sequence[Path]) -> None:
    """Raise Refusal, naming the picture, when one cannot be decoded or is not as large as it says."""
    for picture, path in zip(project.pictures, paths, strict=True):
        try:
            decoded = cv2.imread(str(path))
        except cv2.error as error:
            raise Refusal(f"{picture.member} cannot be decoded ({error.err})") from error
        if decoded is None or decoded.shape[1::-1] != project.size:
            raise Refusal(f"{picture.member} cannot be decoded; is it damaged?")
