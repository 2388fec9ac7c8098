"""Resolve the CloudFormation intrinsic functions that the tests need."""

from collections.abc import Callable, Mapping
from typing import Any

NO_VALUE = object()
"""Value of ``AWS::NoValue``. List entries and properties with this value are removed."""

type Functions = Mapping[str, Callable[[Any], Any]]


class Intrinsics:
    """Resolves conditions and conditional values. ``functions`` adds or replaces intrinsic functions by name."""

    def __init__(self, conditions: Mapping[str, Any], functions: Functions) -> None:
        self._conditions = conditions
        self._functions: Functions = {
            "Condition": self.is_true,
            "Fn::If": self._if,
            "Fn::Equals": self._equals,
            "Fn::Join": self._join,
            "Fn::Not": lambda argument: not self.resolve(argument[0]),
            "Fn::And": lambda argument: all(map(self.resolve, argument)),
            "Fn::Or": lambda argument: any(map(self.resolve, argument)),
            **functions,
        }

    def resolve(self, value: Any) -> Any:
        """Return the value with all known functions resolved."""
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        [(name, argument), *more] = value.items() or [("", None)]
        if not more and name in self._functions:
            return self._functions[name](argument)
        resolved = {key: self.resolve(each) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each is not NO_VALUE}

    def is_true(self, condition: str) -> bool:
        """Return whether a condition is true."""
        return bool(self.resolve(self._conditions[condition]))

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.is_true(condition) else otherwise)

    def _equals(self, argument: list[Any]) -> bool:
        left, right = map(self.resolve, argument)
        return bool(left == right)

    def _join(self, argument: list[Any]) -> Any:
        separator, parts = argument[0], self.resolve(argument[1])
        return separator.join(parts) if isinstance(parts, list) and all(isinstance(p, str) for p in parts) else parts
