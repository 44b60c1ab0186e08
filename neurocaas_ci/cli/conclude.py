"""What follows when a job has ended: its certificate, and what is said when there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.signers import SignerKind, make_signer
from neurocaas_ci.errors import NeurocaasError, VerificationError
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.observer import Outcome

if TYPE_CHECKING:
    from neurocaas_ci.certify.certifier import Certifier


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
        trust_config: Path | None,
    ) -> None:
        self._repo, self._ref, self._commit, self._home = repo, ref, commit, home
        self._kind, self._trust_config = kind, trust_config
        self._certifier: Certifier | None = None

    def __call__(self, job: str) -> None:
        """Certify a job that has a record; raise what certifying raises."""
        try:
            self._publish({job: self._made().sign(job)})
        except NeurocaasError as error:
            say(f"  not certified: {error}")
            raise

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
        return [Outcome(job, "ended", errors.get(job)) for job in jobs]

    def _made(self) -> Certifier:
        if self._certifier is None:
            from neurocaas_ci.certify.certifier import Certifier

            signer = make_signer(self._kind, self._trust_config, self._home)
            self._certifier = Certifier(
                self._repo, self._ref, self._commit, self._home.state, signer
            )
        return self._certifier

    def _publish(self, signed: Mapping[str, bytes]) -> None:
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
