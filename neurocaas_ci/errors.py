"""Every error a user can meet: what happened, where, and what to do; each class owns an exit code."""

from __future__ import annotations


class NeurocaasError(Exception):
    """Root of all errors that are reported without a traceback.

    `where` names the file:line or the object; `hint` says what to do next.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class UsageError(NeurocaasError):
    """The command line or the situation does not allow this (exit 2)."""

    exit_code = 2


class FindingsError(NeurocaasError):
    """The registry content breaks rules (exit 10)."""

    exit_code = 10


class BuildError(NeurocaasError):
    """An immutable analysis environment could not be built (exit 11)."""

    exit_code = 11


class RunError(NeurocaasError):
    """A job or a run did not succeed (exit 12)."""

    exit_code = 12


class DeployError(NeurocaasError):
    """The platform in the cloud could not be brought to what main says (exit 12)."""

    exit_code = 12


class IntegrityError(NeurocaasError):
    """Stored content does not have the digest it is kept under (exit 13)."""

    exit_code = 13


class BackendUnavailableError(NeurocaasError):
    """Something outside this program is missing or busy; trying again can help (exit 16)."""

    exit_code = 16


class SandboxUnavailableError(BackendUnavailableError):
    """This machine cannot isolate a run, and running without isolation was not asked for."""


class VerificationError(NeurocaasError):
    """A certificate, or what somebody claims about one, does not hold (exit 13)."""

    exit_code = 13


class ReplayDifferentError(NeurocaasError):
    """A replay gave other results than the certificate says (exit 14)."""

    exit_code = 14


class ReplayImpossibleError(NeurocaasError):
    """A result could not be computed again; this says nothing about the result (exit 15)."""

    exit_code = 15
