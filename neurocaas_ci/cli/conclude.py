"""What follows when a job has ended: its certificate, and what is said when there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.certify.batch import Batch
from neurocaas_ci.cli.common import ORIGIN_MAIN, say
from neurocaas_ci.cli.github_option import lend_credentials
from neurocaas_ci.cli.signers import SignerKind, make_signer
from neurocaas_ci.errors import NeurocaasError, VerificationError
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.observer import Outcome

if TYPE_CHECKING:
    from neurocaas_ci.certify.certifier import Certifier

# GitHub takes six pushes a minute to one repository (docs: "Repository limits").
_PAUSE_SECONDS = 10.0


class Concluder:
    """Certifies jobs and says where the certificate is; the signer is made when it is needed.

    All certificates name `commit`, the commit of main (a full id) in which the jobs were found.
    """

    def __init__(
        self,
        repo: Path,
        ref: str,
        commit: str,
        home: Home,
        kind: SignerKind,
        trust_config: Path | bytes | None,
    ) -> None:
        self._repo, self._ref, self._commit, self._home = repo, ref, commit, home
        self._kind, self._trust_config = kind, trust_config
        self._certifier: Certifier | None = None
        self._batch = Batch(self._published, _PAUSE_SECONDS if ref == ORIGIN_MAIN else 0)

    def __call__(self, job: str) -> None:
        """Certify a job that has a record; raise what certifying raises.

        Main of an origin gets it now, or together with what else ends within some seconds.
        """
        try:
            bundle = self._made().sign(job)
        except NeurocaasError as error:
            say(f"  not certified: {error}")
            raise
        self._batch.add(job, bundle)

    def finish(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Bring onto main what waits; return the outcomes with what kept their certificates back."""
        errors = self._batch.finish()
        return [one._replace(error=errors.get(one.job, one.error)) for one in outcomes]

    def outcomes(self, jobs: Sequence[str]) -> list[Outcome]:
        """Certify jobs that ended earlier, all in one commit, and return how they stand."""
        signed: dict[str, bytes] = {}
        errors: dict[str, NeurocaasError] = {}
        for job in jobs:
            say(f"{job}: has results, but no certificate on main")
            try:
                signed[job] = self._made().sign(job)
            except NeurocaasError as error:
                say(f"  not certified: {error}")
                errors[job] = error
        errors |= self._published(signed)
        return [Outcome(job, "ended", errors.get(job)) for job in jobs]

    def _published(self, signed: Mapping[str, bytes]) -> dict[str, NeurocaasError]:
        """Bring certificates onto main in one commit; return what kept which of them back."""
        errors: dict[str, NeurocaasError] = {}
        try:
            self._publish(signed)
        except VerificationError:
            # Another file is in the place of one of them, which is no reason to keep the others back.
            for job, bundle in signed.items():
                try:
                    self._publish({job: bundle})
                except NeurocaasError as error:
                    say(f"  not certified: {error}")
                    errors[job] = error
        except NeurocaasError as error:
            say(f"  not certified: {error}")
            errors |= dict.fromkeys(signed, error)
        return errors

    def _made(self) -> Certifier:
        if self._certifier is None:
            from neurocaas_ci.certify.certifier import Certifier

            signer = make_signer(self._kind, self._trust_config, self._home)
            self._certifier = Certifier(
                self._repo, self._ref, self._commit, self._home.state, signer
            )
        return self._certifier

    def _publish(self, signed: Mapping[str, bytes]) -> None:
        if signed and self._ref == ORIGIN_MAIN:
            # What was lent when this began lasts for an hour; jobs may take longer.
            lend_credentials(self._repo)
        for done in self._made().publish(signed).values() if signed else ():
            say(f"  certificate: {done.path}" + ("" if done.commit else " (already on main)"))


def raise_uncertified(outcomes: Sequence[Outcome]) -> None:
    """Raise the first error that kept a job from its certificate, in words for all of them."""
    ended = [outcome for outcome in outcomes if outcome.status != "waiting"]
    errors = [outcome.error for outcome in ended if outcome.error is not None]
    if errors:
        raise type(errors[0])(
            f"{len(errors)} of {len(outcomes)} jobs have results but no certificate on main",
            hint="their results are kept; mend what is named above, then `neurocaas certify`",
        )
