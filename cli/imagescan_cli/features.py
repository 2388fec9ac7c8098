"""Features: what an image is scanned for, and what was found. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from imagescan_cli.schemas import RequestJson

ANY_MODERATION_LABEL = "*"
"""What the API calls any moderation label. On the command line, it can be written as ``any`` as well."""


class Feature(StrEnum):
    """A feature of an image. The order is that of the service."""

    LABELS = "labels"
    MODERATION = "moderation"
    TEXT = "text"


class Finding(NamedTuple):
    """A label, a moderation label or a line of text, with its confidence in percent."""

    name: str
    confidence: float


def features_of(result: RequestJson) -> list[str]:
    """Return the features of a request."""
    return result.get("features") or [Feature.LABELS]


def findings(result: RequestJson, feature: Feature) -> list[Finding] | None:
    """Return what was found, in the order of the service, or None if the result has no findings of this feature."""
    if feature not in features_of(result):
        return None
    if feature is Feature.LABELS:
        return _findings(result.get("labels"), "name")
    scan = result.get(feature) or {}
    return (
        _findings(scan.get("labels"), "name") if feature is Feature.MODERATION else _findings(scan.get("lines"), "text")
    )


def with_empty_findings(request: RequestJson) -> RequestJson:
    """Return a request that has no findings with the empty fields that the service returns for it."""
    needed = features_of(request)
    empty: RequestJson = {"labels": [], "closest_labels": [], "results": []}
    empty["moderation"] = {"labels": [], "model_version": None} if Feature.MODERATION in needed else None
    empty["text"] = {"lines": [], "model_version": None} if Feature.TEXT in needed else None
    return request | empty


def describe_asked(labels: Iterable[str], moderation: Iterable[str], text: Iterable[str]) -> list[str]:
    """Return what was asked for: labels as they are, and everything else with the name of its feature."""
    moderation = ["any" if name == ANY_MODERATION_LABEL else name for name in moderation]
    others = {Feature.MODERATION: moderation, Feature.TEXT: text}
    return [*labels, *(f"{feature}:{name}" for feature, names in others.items() for name in names)]


def _findings(entries: list[RequestJson] | None, name: str) -> list[Finding] | None:
    return None if entries is None else [Finding(entry[name], entry["confidence"]) for entry in entries]
