"""What units cost, by a dated list of prices. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PRICES = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class Price:
    """``usd`` for ``per`` units, and where and when (a date) it was said."""

    usd: float
    per: float
    what: str
    source: str
    dated: str

    def of(self, units: float) -> float:
        """Dollars."""
        return units * self.usd / self.per


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of the bill."""

    what: str
    units: float
    usd: float


def prices(path: Path = PRICES) -> dict[str, Price]:
    """The list, by the names of what is charged."""
    return {name: Price(**price) for name, price in json.loads(path.read_text())["prices"].items()}


def bill(units: Mapping[str, float], listed: Mapping[str, Price]) -> list[Charge]:
    """A charge for each kind of unit, the dearest first. Raises KeyError for one that has no price."""
    charges = [Charge(listed[name].what, amount, listed[name].of(amount)) for name, amount in units.items()]
    return sorted(charges, key=lambda charge: -charge.usd)


def total(charges: list[Charge]) -> float:
    """Dollars."""
    return sum(charge.usd for charge in charges)
