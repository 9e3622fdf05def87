"""Many runs of the same functions under other rules: what each rule, agreement and partner is worth."""

from moonvillage.sweeps.price import price

__all__ = ["price"]
