"""Evaluate IAM policies as IAM does, for the operators and elements that this repository uses."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

type Statement = Mapping[str, Any]


def is_allowed(
    statements: Iterable[Statement], action: str, resource: str, keys: Mapping[str, str] | None = None
) -> bool:
    """Return whether the statements allow the action. ``keys`` contains the condition keys of the request.

    A matching deny statement overrides every allow statement.
    """
    effects = {each["Effect"] for each in statements if _matches(each, action, resource, keys or {})}
    return effects == {"Allow"}


def _matches(statement: Statement, action: str, resource: str, keys: Mapping[str, str]) -> bool:
    return (
        any(fnmatchcase(action.lower(), each.lower()) for each in as_list(statement["Action"]))
        and any(fnmatchcase(resource, each) for each in as_list(statement["Resource"]))
        and condition_matches(statement.get("Condition", {}), keys)
    )


def condition_matches(condition: Mapping[str, Mapping[str, Any]], keys: Mapping[str, str]) -> bool:
    """Return whether all operators of a condition match. ``keys`` contains the keys of the request."""
    return all(
        _OPERATORS[operator](keys.get(key), [str(value) for value in as_list(values)])
        for operator, entries in condition.items()
        for key, values in entries.items()
    )


def _like(value: str | None, patterns: list[str]) -> bool:
    return value is not None and any(fnmatchcase(value, pattern) for pattern in patterns)


_OPERATORS: Mapping[str, Callable[[str | None, list[str]], bool]] = {
    "StringEquals": lambda value, expected: value is not None and value in expected,
    "StringEqualsIfExists": lambda value, expected: value is None or value in expected,
    "StringNotEquals": lambda value, expected: value is None or value not in expected,  # also matches a missing key
    "ArnEquals": _like,
    "ArnLike": _like,
    "Null": lambda value, expected: [str(value is None).lower()] == expected,
}


def as_list(value: Any) -> list[Any]:
    """Return the value, or a list that contains it."""
    return value if isinstance(value, list) else [value]
