"""How a stack stands against main, in two words and the reasons for them; no I/O here."""

from __future__ import annotations

from collections.abc import Iterable

from neurocaas_ci.model.deploy import DeployStatus, EngineState, Health, StackState, Sync

_COMMIT = 12


def judge_status(
    stack: str,
    state: StackState | None,
    *,
    wanted: str,
    template: str | None,
    engines: Iterable[EngineState] = (),
) -> DeployStatus:
    """Return sync and health of a stack.

    `wanted` is the commit that should be deployed, `template` the identity of what it asks for; None
    when that cannot be said.
    """
    if state is None or state.status == "REVIEW_IN_PROGRESS":
        return DeployStatus(
            stack, "not deployed", f"main is at {wanted[:_COMMIT]}", "missing",
            "there is no such stack" if state is None else "it was proposed and never started",
            state.since if state else None, wanted=wanted,
        )  # fmt: skip
    sync, why = _sync(state, wanted, template)
    health, reason = _health(state, engines)
    return DeployStatus(
        stack, sync, why, health, reason, state.since, deployed=state.commit, wanted=wanted
    )


def _sync(state: StackState, wanted: str, template: str | None) -> tuple[Sync, str]:
    if template is None:
        return "unknown", "what main asks for cannot be said"
    if state.template == template:
        by = f"deployed by {state.commit[:_COMMIT]}"
        same = state.commit == wanted
        return "in sync", by if same else f"{by}; nothing since then changes the cloud"
    if not state.template:
        return "out of sync", f"main is at {wanted[:_COMMIT]}; the stack does not say what it is"
    return "out of sync", f"main is at {wanted[:_COMMIT]}, deployed is {state.commit[:_COMMIT]}"


def _health(state: StackState, engines: Iterable[EngineState]) -> tuple[Health, str]:
    status = state.status
    if status.endswith("_IN_PROGRESS") and "ROLLBACK" not in status:
        return "progressing", status
    if "FAILED" in status or "ROLLBACK" in status:
        return "degraded", f"{status}: {state.reason}" if state.reason else status
    found = sorted(engines, key=lambda engine: engine.name)
    if broken := [engine for engine in found if engine.state in {"broken", "off"}]:
        shown = "; ".join(f"{e.name} {_WORDS[e.state]}{_because(e)}" for e in broken[:_MOST])
        more = f"; and {len(broken) - _MOST} more" if len(broken) > _MOST else ""
        return "degraded", shown + more
    if changing := [engine.name for engine in found if engine.state == "changing"]:
        return "progressing", f"{', '.join(changing[:_MOST])} not ready yet"
    return "healthy", ""


_MOST = 5
_WORDS = {"broken": "does not work", "off": "is switched off"}


def _because(engine: EngineState) -> str:
    return f": {engine.reason}" if engine.reason else ""
