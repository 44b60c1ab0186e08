"""What follows when a job has ended: its certificate, and what is said when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.cli.common import say
from neurocaas_ci.cli.signers import SignerKind, make_signer
from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.reconcile import Outcome

if TYPE_CHECKING:
    from neurocaas_ci.certify.certifier import Certifier


class Concluder:
    """Certifies jobs and says where the certificate is; the signer is made when it is needed."""

    def __init__(
        self, repo: Path, ref: str, home: Home, kind: SignerKind, trust_config: Path | None
    ) -> None:
        self._repo, self._ref, self._home = repo, ref, home
        self._kind, self._trust_config = kind, trust_config
        self._certifier: Certifier | None = None

    def __call__(self, job: str) -> None:
        """Certify a job that has a record; raise what certifying raises."""
        if self._certifier is None:
            from neurocaas_ci.certify.certifier import Certifier

            signer = make_signer(self._kind, self._trust_config, self._home)
            self._certifier = Certifier(self._repo, self._ref, self._home.state, signer)
        try:
            done = self._certifier.certify(job)
        except NeurocaasError as error:
            say(f"  not certified: {error}")
            raise
        say(f"  certificate: {done.path}" + ("" if done.commit else " (already on main)"))

    def outcome(self, job: str) -> Outcome:
        """Certify a job that ended earlier and return how it stands."""
        say(f"{job}: has results, but no certificate on main")
        try:
            self(job)
        except NeurocaasError as error:
            return Outcome(job, "ended", error)
        return Outcome(job, "ended")


def raise_uncertified(outcomes: Sequence[Outcome]) -> None:
    """Raise the first error that kept a job from its certificate, in words for all of them."""
    ended = [outcome for outcome in outcomes if outcome.status != "waiting"]
    errors = [outcome.error for outcome in ended if outcome.error is not None]
    if errors:
        raise type(errors[0])(
            f"{len(errors)} of {len(outcomes)} jobs have results but no certificate on main",
            hint="their results are kept; mend what is named above, then `neurocaas certify`",
        )
