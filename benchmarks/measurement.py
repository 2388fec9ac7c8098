"""One measured value, its baseline and its target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """``value`` and ``baseline`` in ``unit``. The target applies to their ratio, or to the value without a baseline.

    A target is a maximum, a minimum with ``at_least``, or the only permitted value with ``exact``.
    """

    benchmark: str
    metric: str
    value: float
    baseline: float | None
    target: float
    unit: str = ""
    at_least: bool = False
    exact: bool = False

    @property
    def ratio(self) -> float:
        """Return the number that the target applies to."""
        return self.value if self.baseline is None else self.value / self.baseline

    @property
    def passed(self) -> bool:
        """Return whether the measurement meets its target."""
        if self.exact:
            return self.ratio == self.target
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target

    @property
    def target_utilisation(self) -> float:
        """Return the used share of the target: 1 is exactly at the target, more is a miss."""
        if self.exact:
            return 1.0 if self.passed else 2.0
        if not self.at_least:
            return self.ratio / self.target
        return self.target / self.ratio if self.ratio else float("inf")
