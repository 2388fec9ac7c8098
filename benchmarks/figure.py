"""One measured figure, and whether it meets its target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` and ``floor`` are in ``unit``; the target judges their ratio, or the value where there is no floor.

    A target is the most that is allowed, the least with ``at_least``, or the only one with ``exact``.
    """

    row: int
    metric: str
    value: float
    floor: float | None
    target: float
    unit: str = ""
    at_least: bool = False
    exact: bool = False

    @property
    def ratio(self) -> float:
        """What the target judges."""
        return self.value if self.floor is None else self.value / self.floor

    @property
    def met(self) -> bool:
        """Whether it is as good as it has to be."""
        if self.exact:
            return self.ratio == self.target
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target

    @property
    def used(self) -> float:
        """The share of the target that is used up: 1 is just met, more is missed."""
        if self.exact:
            return 1.0 if self.met else 2.0
        if not self.at_least:
            return self.ratio / self.target
        return self.target / self.ratio if self.ratio else float("inf")
