"""NC-J001: a job lies in its user's folder; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class JobInUserFolder(Rule):
    """A job lies in the folder of its user.

    The folder decides whose pull request may add it and whose budget it spends.

    Fix: move the file, or correct `user`.
    """

    id = "NC-J001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job in another user's folder."""
        for job in context.jobs():
            folder = job.document.path.split("/")[2]
            if job.value.user != folder:
                yield self.finding(
                    job.document.locate(["user"]),
                    f"`user` is `{job.value.user}`, but the folder is that of `{folder}`",
                    f"write `user: {folder}`, or move the file to registry/jobs/{job.value.user}/",
                )
