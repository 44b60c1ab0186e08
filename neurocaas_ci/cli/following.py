"""Follow what other machines write: ask again and again, and outlast a store that is out of reach."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from neurocaas_ci.cli.common import say
from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.live_logs import BEAT_SECONDS

_T = TypeVar("_T")
_RETRY_SECONDS = 5.0


def pause(home: Home, here_s: float) -> None:
    """Wait until asking again is worth it: `here_s` in a folder, half a beat of the logs elsewhere."""
    time.sleep(here_s if home.store is None else BEAT_SECONDS / 2)


def outlasting(ask: Callable[[], _T], *, follow: bool) -> _T:
    """Return what is asked for; whoever follows waits while the store cannot be reached."""
    told = False
    while True:
        try:
            return ask()
        except BackendUnavailableError as error:
            if not follow:
                raise
            if not told:
                say(f"note: asking again until there is an answer: {error.message}")
            told = True
            time.sleep(_RETRY_SECONDS)
