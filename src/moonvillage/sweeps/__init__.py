"""Many runs of the same functions under other rules: what each rule, agreement and partner is worth."""

from moonvillage.sweeps.pricing import price
from moonvillage.sweeps.remedying import Minimal, PaperSet, minimal_papers

__all__ = ["Minimal", "PaperSet", "minimal_papers", "price"]
