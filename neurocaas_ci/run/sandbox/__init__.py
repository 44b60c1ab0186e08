"""Run one command in one root: bounded, watched, and surely gone afterwards."""

from neurocaas_ci.run.sandbox.execute import Sandbox
from neurocaas_ci.run.sandbox.request import SandboxRequest, SandboxResult

__all__ = ["Sandbox", "SandboxRequest", "SandboxResult"]
