"""Compute what AWS charges for units of usage, from a dated list of prices."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PRICES = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class Price:
    """``usd`` for ``per`` units, with the source and the date of the price."""

    usd: float
    per: float
    what: str
    source: str
    dated: str

    def of(self, units: float) -> float:
        """Return the cost of ``units`` in USD."""
        return units * self.usd / self.per


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of a cost breakdown."""

    what: str
    units: float
    usd: float


def prices(path: Path = PRICES) -> dict[str, Price]:
    """Return the prices by the name of their unit."""
    return {name: Price(**price) for name, price in json.loads(path.read_text())["prices"].items()}


def cost_breakdown(units: Mapping[str, float], listed: Mapping[str, Price]) -> list[LineItem]:
    """Return a line item for each kind of unit, most expensive first. Raise KeyError for a unit without a price."""
    items = [LineItem(listed[name].what, amount, listed[name].of(amount)) for name, amount in units.items()]
    return sorted(items, key=lambda item: -item.usd)


def total(items: list[LineItem]) -> float:
    """Return the sum of the line items in USD."""
    return sum(item.usd for item in items)
