"""Runs the workflow files of a repository for the events of a fake GitHub, with act in a box."""

from __future__ import annotations

from .dispatcher import Actions
from .errors import HarnessError
from .run import Annotation, Job, Run, Step

__all__ = ["Actions", "Annotation", "HarnessError", "Job", "Run", "Step"]
