"""Claims on S3: a lock object that is lent for a time, renewed, and taken over with its ETag.

Only the clock of S3 decides whether the time is over: the object's Last-Modified against the Date
of the answer that shows it. A holder counts the seconds since it *asked* for its last renewal, on a
clock that only it uses, and so ends earlier than anybody else would say.
"""

from __future__ import annotations

import json
import os
import random
import socket
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError
from neurocaas_ci.stores.interface import LostClaimError
from neurocaas_ci.stores.s3_errors import missing, refused, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Both times come in whole seconds, from machines of S3 that agree to much less than a second.
_SLACK_SECONDS = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_TRIES = 5


class Terms(NamedTuple):
    """What a lock object says: whose it is, for how long (seconds), and the count of holders.

    `beat` counts the renewals: two states of a lock never have the same bytes, nor the same ETag.
    `owner` is empty when the claim was given back.
    """

    owner: str
    epoch: int
    beat: int
    lease_s: float

    def encode(self) -> bytes:
        """Return the content of the object."""
        return json.dumps(self._asdict()).encode()


class Seen(NamedTuple):
    """A lock object as it was found; `age` is seconds since its last renewal, by S3's clock."""

    terms: Terms
    etag: str
    age: float

    @property
    def free(self) -> bool:
        """Tell whether anybody may take the claim."""
        return not self.terms.owner or self.age > self.terms.lease_s + _SLACK_SECONDS


class Lock(NamedTuple):
    """One lock object."""

    client: S3Client
    bucket: str
    key: str

    def look(self) -> Seen | None:
        """Return what is there now, or None."""
        with translated(self.where):
            try:
                found = self.client.get_object(Bucket=self.bucket, Key=self.key)
            except ClientError as error:
                if missing(error):
                    return None
                raise
            content = found["Body"].read()
        headers = found["ResponseMetadata"]["HTTPHeaders"]
        try:
            now = parsedate_to_datetime(headers["date"])
            terms = Terms(**json.loads(content))
        except (KeyError, ValueError, TypeError) as error:
            raise BackendUnavailableError(
                f"what is there is no lock of ours, or came without a date: {error!r}",
                where=self.where,
                hint="look at the object; without it the claim is free",
            ) from error
        return Seen(terms, found["ETag"], (now - found["LastModified"]).total_seconds())

    def write(self, terms: Terms, etag: str | None) -> str | None:
        """Replace the object that has this ETag (None: create it); return the new ETag.

        Return None when it is not as expected. An answer that got lost looks the same when boto
        asks again: look whose it is.
        """
        with translated(self.where):
            try:
                if etag is None:
                    done = self.client.put_object(
                        Bucket=self.bucket, Key=self.key, Body=terms.encode(), IfNoneMatch="*"
                    )
                else:
                    done = self.client.put_object(
                        Bucket=self.bucket, Key=self.key, Body=terms.encode(), IfMatch=etag
                    )
            except ClientError as error:
                if refused(error) or missing(error):
                    return None
                raise
        return done["ETag"]

    @property
    def where(self) -> str:
        """Return how messages name it."""
        return f"s3://{self.bucket}/{self.key}"


class Lease:
    """A claim that is held: called, it tells whether it still is; a thread renews it."""

    def __init__(self, lock: Lock, terms: Terms, etag: str, asked: float) -> None:
        self._lock, self._terms, self._etag = lock, terms, etag
        self._until = asked + terms.lease_s
        self._lost = False
        self._busy = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="s3-lease", daemon=True)
        self._thread.start()

    def __call__(self) -> bool:
        """Tell whether the claim is held for certain at this moment."""
        return not self._lost and clock() < self._until

    @property
    def epoch(self) -> int:
        """Return the count of holders up to this one."""
        return self._terms.epoch

    def renew(self) -> None:
        """Have the claim from now on for its full time.

        Raise LostClaimError when another has it. One that nobody took is renewed even after its
        time. Raise BackendUnavailableError when S3 cannot be asked.
        """
        with self._busy:
            if self._lost:
                raise self._taken()
            for attempt in range(_TRIES):
                asked = clock()
                terms = self._terms._replace(beat=self._terms.beat + 1)
                etag = self._lock.write(terms, self._etag)
                if etag is None:
                    seen = self._lock.look()
                    if seen is None or seen.terms.owner != terms.owner:
                        self._lost = True
                        raise self._taken()
                    self._etag = seen.etag
                    if seen.terms.beat < terms.beat:
                        # 409: a conflict, but nobody else's object; not a renewal yet.
                        time.sleep(_FIRST_PAUSE * 2**attempt)
                        continue
                    etag, terms = seen.etag, seen.terms
                self._terms, self._etag = terms, etag
                self._until = asked + terms.lease_s
                return
        raise BackendUnavailableError(
            "the claim could not be renewed", where=self._lock.where, hint="run it again"
        )

    def release(self) -> None:
        """Give the claim back; when S3 cannot be asked it ends by itself."""
        self._ended.set()
        with self._busy:
            if self._lost:
                return
            self._lost = True
            free = self._terms._replace(owner="", beat=self._terms.beat + 1)
            try:
                for _ in range(_TRIES):
                    if self._lock.write(free, self._etag) is not None:
                        break
                    seen = self._lock.look()
                    if seen is None or seen.terms.owner != self._terms.owner:
                        break
                    self._etag = seen.etag
            except NeurocaasError:
                return
        self._thread.join()

    def _beat(self) -> None:
        pause = self._terms.lease_s / 3
        while not self._ended.wait(pause):
            try:
                self.renew()
                pause = self._terms.lease_s / 3
            except LostClaimError:
                return
            except NeurocaasError:
                pause = self._terms.lease_s / 20

    def _taken(self) -> LostClaimError:
        return LostClaimError(
            "another process has taken this claim over",
            where=self._lock.where,
            hint="this machine was not heard of for too long; the other one goes on with the work",
        )


def acquire(lock: Lock, lease_s: float, *, wait: bool) -> Lease | None:
    """Take a claim; return None when somebody else holds it and `wait` is false."""
    owner = f"{socket.gethostname()}/{os.getpid()}/{os.urandom(8).hex()}"
    terms, etag = Terms(owner, 1, 0, lease_s), None
    pause = _FIRST_PAUSE
    while True:
        asked = clock()
        taken = lock.write(terms, etag)
        if taken is not None:
            return Lease(lock, terms, taken, asked)
        while True:
            seen = lock.look()
            if seen is None:
                etag, terms = None, terms._replace(epoch=1)
                break
            if seen.terms.owner == owner:
                return Lease(lock, seen.terms, seen.etag, asked)
            if seen.free:
                etag, terms = seen.etag, terms._replace(epoch=seen.terms.epoch + 1)
                break
            if not wait:
                return None
            # Not in step with others who wait.
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(1.5 * pause, _LONGEST_PAUSE)


def clock() -> float:
    """Return seconds of a clock that also counts while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
