"""Events that the webhook did not take in a day, as EventBridge leaves them: the event, and beside it the reason."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from ops.redrive.letters import Letter, NotTaken, Reason


@dataclass(frozen=True, slots=True)
class Webhook:
    """The address that each event is posted to; ``key`` fetches what it knows the caller by."""

    http: httpx.Client
    url: str
    key: Callable[[], str]
    name: str = "the webhook"

    def reason(self, letter: Letter) -> Reason:
        """What EventBridge was told."""
        told = (letter.attributes.get(name, "") for name in ("ERROR_CODE", "ERROR_MESSAGE"))
        return Reason(": ".join(filter(None, told)) or "EventBridge gives no reason")

    def give_back(self, letter: Letter) -> None:
        """Post it as EventBridge does; nobody else on the bus hears of it again."""
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Api-Key": self.key()}
        try:
            answer = self.http.post(self.url, content=letter.body, headers=headers)
        except httpx.TransportError as error:
            raise NotTaken(f"it does not answer: {error}") from error
        if not answer.is_success:
            raise NotTaken(f"it answers {answer.status_code}")
