"""Compare the outputs of a replay with the originals, as the blueprint declared before the run."""

from neurocaas_ci.audit.compare.content import Limits
from neurocaas_ci.audit.compare.files import compare_files
from neurocaas_ci.audit.compare.rules import needs_content, rule_for

__all__ = ["Limits", "compare_files", "needs_content", "rule_for"]
