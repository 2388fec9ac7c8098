"""Test how `make up` handles PAGE_ORIGINS and the check of the scanner."""

from collections.abc import Sequence

import pytest

from local import __main__ as commands
from local import report
from local.stack import ANY_PORTS, Stack
from tools.console import CommandError


class RecordingStack(Stack):
    """A stack that records the origins and starts nothing."""

    api_url = "http://127.0.0.1:4566/restapis/ab12/v1/_user_request_"

    def up(self, page_origins: Sequence[str] = ()) -> None:
        self.page_origins = list(page_origins)

    is_invoked = True

    def is_scanner_invoked(self, seconds: float = 0) -> bool:
        return self.is_invoked


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        (None, []),
        ("", []),
        ("http://localhost:3000", ["http://localhost:3000"]),
        ("http://localhost:3000/, http://127.0.0.1:5173", ["http://localhost:3000", "http://127.0.0.1:5173"]),
    ],
)
def test_page_origins_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, value: str | None, origins: list[str]
) -> None:
    monkeypatch.setattr(report, "urls", lambda _: {})
    if value is None:
        monkeypatch.delenv(commands.PAGE_ORIGINS, raising=False)
    else:
        monkeypatch.setenv(commands.PAGE_ORIGINS, value)
    stack = RecordingStack("unused", ANY_PORTS)
    commands.up(stack)
    assert stack.page_origins == origins


def test_make_up_fails_if_the_scan_queue_does_not_invoke_the_scanner() -> None:
    stack = RecordingStack("unused", ANY_PORTS)
    stack.is_invoked = False
    with pytest.raises(CommandError, match="The scanner is not invoked by the scan queue; see `make logs`"):
        commands.up(stack)


@pytest.mark.parametrize("origin", ["*", "http://attacker.example", "http://localhost:3000/page", "localhost:3000"])
def test_an_origin_that_is_not_on_this_machine_is_rejected_before_anything_starts(origin: str) -> None:
    stack = Stack("rejected", ANY_PORTS)
    with pytest.raises(CommandError, match="PAGE_ORIGINS contains") as rejected:
        stack.up(["http://localhost:3000", origin])
    assert origin in str(rejected.value)
    assert not stack.home.exists()
