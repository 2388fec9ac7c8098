"""Redeliver events that the webhook did not accept within a day.

EventBridge stores each event as a message, with the reason in its message attributes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from ops.redrive.dead_letters import DeadLetter, FailureReason, RedeliveryFailed


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """The webhook. `api_key` returns the key that identifies the service to it."""

    http: httpx.Client
    url: str
    api_key: Callable[[], str]
    name: str = "webhook"

    def reason(self, letter: DeadLetter) -> FailureReason:
        """Return the error that EventBridge recorded."""
        error = (letter.attributes.get(name, "") for name in ("ERROR_CODE", "ERROR_MESSAGE"))
        return FailureReason(": ".join(filter(None, error)) or "no reason recorded by EventBridge")

    def redeliver(self, letter: DeadLetter) -> None:
        """Post the event to the webhook only, so that other subscribers of the event bus do not receive it twice."""
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Api-Key": self.api_key()}
        try:
            response = self.http.post(self.url, content=letter.body, headers=headers)
        except httpx.TransportError as error:
            raise RedeliveryFailed(f"the webhook is unreachable: {error}") from error
        if not response.is_success:
            raise RedeliveryFailed(f"the webhook returned {response.status_code}")
