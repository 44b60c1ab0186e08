"""What every test relies on, however the tests were started."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile

import pytest
from hypothesis import HealthCheck, settings

_DATA = pytest.StashKey[str]()
_IMAGES = pytest.StashKey[str]()
_SHARED_IMAGES = "NEUROCAAS_TESTS_IMAGES"


def pytest_configure(config: pytest.Config) -> None:
    """Give tests a home of their own, and let Ctrl-C reach the processes that they start.

    A shell starts what it puts in the background with SIGINT ignored, and that would be inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes says nothing on a machine that is busy; pytest's own limit stays.
    settings.register_profile(
        "unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("unhurried")
    # What a command keeps where no home is named (the index of the ledger) is not the user's.
    config.stash[_DATA] = os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="neurocaas-data-")
    if _SHARED_IMAGES not in os.environ:
        # The workers of this run of tests inherit it.
        made = config.stash[_IMAGES] = tempfile.mkdtemp(prefix="neurocaas-images-")
        os.chmod(made, 0o755)  # noqa: S103 - sandboxes run as nobody
        os.environ[_SHARED_IMAGES] = made


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what commands kept."""
    shutil.rmtree(config.stash[_DATA], ignore_errors=True)
    if made := config.stash.get(_IMAGES, None):
        shutil.rmtree(made, ignore_errors=True)
        del os.environ[_SHARED_IMAGES]


@pytest.fixture(scope="session")
def image_cache() -> str:
    """The cache in which this run of tests makes each image once, whichever test asks first."""
    return os.environ[_SHARED_IMAGES]
