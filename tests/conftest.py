"""What every test relies on, however the tests were started."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile

import pytest
from hypothesis import HealthCheck, settings

# What the images, registries and stores of a run of tests take at once, as `make` chooses the tests.
_ROOM_GB = {"not slow": 4, "slow and not long": 16, "long": 24}
_DATA = pytest.StashKey[str]()
_IMAGES = pytest.StashKey[str]()
_SHARED_IMAGES = "NEUROCAAS_TESTS_IMAGES"


def pytest_configure(config: pytest.Config) -> None:
    """Give tests a home of their own, and let Ctrl-C reach the processes that they start.

    A shell starts what it puts in the background with SIGINT ignored, and that would be inherited.
    """
    if not hasattr(config, "workerinput"):
        _require_room(_ROOM_GB.get(config.option.markexpr, 0))
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


def _require_room(wanted: int) -> None:
    """Say at once that a disk is too small: twenty failing tests would not say it."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free / 1e9
    if free < wanted:
        raise pytest.UsageError(
            f"these tests need {wanted} GB in {folder}, where {free:.1f} GB are free: remove something,"
            " or name another folder with TMPDIR"
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what commands kept."""
    for key in (_DATA, _IMAGES):
        if made := config.stash.get(key, None):
            shutil.rmtree(made, ignore_errors=True)
    if _IMAGES in config.stash:
        del os.environ[_SHARED_IMAGES]


@pytest.fixture(scope="session")
def image_cache() -> str:
    """The cache in which this run of tests makes each image once, whichever test asks first."""
    return os.environ[_SHARED_IMAGES]
