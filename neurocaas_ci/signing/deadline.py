"""Wait no longer than a deadline for a client that would wait for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from neurocaas_ci.errors import BackendUnavailableError

_Result = TypeVar("_Result")


def within(seconds: float, service: str, call: Callable[[], _Result]) -> _Result:
    """Return what the call returns or raise what it raises; it goes on unheard when it is late.

    Raise BackendUnavailableError after so many seconds. The call raises no TimeoutError of its own.
    """
    future: Future[_Result] = Future()

    def answer() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the caller waits
            future.set_exception(error)

    # A daemon, so that the end of the program does not wait either.
    threading.Thread(target=answer, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        raise BackendUnavailableError(
            f"{service} did not answer within {seconds:g} s",
            where=service,
            hint="run the command again in a few minutes",
        ) from None
