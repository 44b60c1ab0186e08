"""Slots: a launching thread and, where there are any, a control group, one per run at a time."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import threading
from collections.abc import Iterator
from typing import NamedTuple

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.sandbox.cgroups import Group, make_group
from neurocaas_ci.run.sandbox.hierarchy import Layout
from neurocaas_ci.run.sandbox.launcher import Launcher

_numbers = itertools.count(1)


class Slot(NamedTuple):
    """What one run needs of this process."""

    launcher: Launcher
    group: Group | None

    def close(self) -> None:
        """End the thread and remove the group."""
        self.launcher.close()
        if self.group is not None:
            self.group.close()


class SlotPool:
    """Slots of one process; safe to use from many threads."""

    def __init__(
        self, layout: Layout | None, *, apart: bool = False, keep_rights: bool = False
    ) -> None:
        self._layout = layout
        self._apart, self._keep_rights = apart, keep_rights
        self._idle: list[Slot] = []
        self._lock = threading.Lock()
        atexit.register(self.close)

    @contextlib.contextmanager
    def take(self, limits: RunLimits) -> Iterator[Slot]:
        """Hold a slot with these limits; raise BackendUnavailableError when none can be made."""
        with self._lock:
            slot = self._idle.pop() if self._idle else None
        try:
            slot = self._ready(slot, limits)
        except OSError as error:
            raise BackendUnavailableError(
                f"a control group cannot be used: {error.strerror}",
                where=str(error.filename or "/sys/fs/cgroup"),
                hint="limits.memory must be above what the kernel needs (some MB); else run again",
            ) from error
        try:
            yield slot
        finally:
            self._give_back(slot)

    def close(self) -> None:
        """Remove all idle slots."""
        with self._lock:
            idle, self._idle = self._idle, []
        for slot in idle:
            slot.close()

    def _ready(self, slot: Slot | None, limits: RunLimits) -> Slot:
        if slot is not None:
            try:
                _bound(slot, limits)
            except OSError:
                # Too many cached pages of earlier runs to come below a lower limit.
                slot.close()
            else:
                return slot
        slot = self._make()
        try:
            _bound(slot, limits)
        except OSError:
            slot.close()
            raise
        return slot

    def _make(self) -> Slot:
        if self._layout is None:
            return Slot(self._launcher(None), None)
        group = make_group(self._layout, next(_numbers))
        try:
            return Slot(self._launcher(group), group)
        except BaseException:
            group.close()
            raise

    def _launcher(self, group: Group | None) -> Launcher:
        join = group.join if group is not None else None
        return Launcher(join, apart=self._apart, keep_rights=self._keep_rights)

    def _give_back(self, slot: Slot) -> None:
        if slot.group is not None and not slot.group.reusable:
            slot.close()
            return
        with self._lock:
            self._idle.append(slot)


def _bound(slot: Slot, limits: RunLimits) -> None:
    if slot.group is not None:
        slot.group.bound(limits.memory, limits.processes)
        # Also opens the files of the counters, which the launching thread may not.
        slot.group.zero()
