"""What answers mean to a person, to a script, and to the next step. Pure."""

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

type Answer = dict[str, Any]

# The image itself may be fine: a new request is another chance. Every other failure stands.
_LAPSED = frozenset({"timed_out", "never_uploaded"})


class Exit(IntEnum):
    """The exit codes; 2 is also what a wrong command line ends with."""

    MATCH = 0
    TAKEN = 0
    NO_MATCH = 1
    USAGE = 2
    FAILED = 3
    PENDING = 4
    INTERRUPTED = 130


def is_request(body: Any) -> bool:
    """Whether a body says how a request stands. Whoever else answers at the address speaks JSON too."""
    match body:
        case (
            {"status": "completed", "request_id": str(), "message": str(), "label_matched": bool()}
            | {"status": "failed", "request_id": str(), "message": str(), "failure": {"code": str()}}
            | {"status": "pending", "request_id": str(), "message": str()}
        ):
            return _is_upload(body.get("upload"))
    return False


def is_answer(body: object) -> bool:
    """Whether a body answers a further question."""
    match body:
        case {"request_id": str(), "message": str(), "label_matched": bool()}:
            return True
    return False


def is_page(body: object) -> bool:
    """Whether a body is a page of requests."""
    match body:
        case {"requests": [*requests], "cursor": None | str()}:
            return all(map(is_request, requests))
    return False


def are_results(number: int, body: object) -> bool:
    """Whether a body has so many results of what was asked at once."""
    match body:
        case {"results": [*results]} if len(results) == number:
            return all(map(_is_result, results))
    return False


def exit_code(answers: Iterable[Answer]) -> Exit:
    """What the answers come to: a failure outweighs a missing answer, that a match, and that a no."""
    states = {_state(answer) for answer in answers}
    ranked = {"failed": Exit.FAILED, "pending": Exit.PENDING, "match": Exit.MATCH}
    return next((code for state, code in ranked.items() if state in states), Exit.NO_MATCH)


def exit_code_after_waiting(answers: Iterable[Answer]) -> Exit:
    """The same once the time to wait is over: what is still pending timed out."""
    code = exit_code(answers)
    return Exit.FAILED if code is Exit.PENDING else code


def exit_code_after_sending(answers: Iterable[Answer]) -> Exit:
    """Whether the service took everything, whatever it answered at once."""
    return Exit.FAILED if exit_code(answers) is Exit.FAILED else Exit.TAKEN


def is_pending(answer: Answer) -> bool:
    """Whether the service has yet to answer."""
    return _state(answer) == "pending"


def has_lapsed(answer: Answer) -> bool:
    """Whether the request ended only because something did not happen in time, so that asking anew makes sense."""
    return (answer.get("failure") or {}).get("code") in _LAPSED


def failed(code: str, message: str, request_id: str | None = None) -> Answer:
    """The answer of a request that the service did not take or does not know, in the form of one that it failed."""
    return {
        "request_id": request_id,
        "status": "failed",
        "message": message,
        "label_matched": None,
        "failure": {"code": code, "message": message},
    }


def line(answer: Answer, path: object = None) -> str:
    """The answer in one line for people: the picture's path where there is one, the sentence, the request's id."""
    request_id, message = answer["request_id"], answer["message"]
    if path is None:
        return printable(f"{request_id}: {message}" if request_id else message)
    return printable(f"{path}: {message}" + (f" [{request_id}]" if request_id else ""))


def summary(answers: Iterable[Answer], uploads: int) -> str:
    """One line about them all."""
    states = Counter(map(_state, answers))
    names = {"match": "yes", "none": "no", "failed": "failed", "pending": "pending"}
    counted = [f"{states[state]} {name}" for state, name in names.items() if states[state]]
    pictures = "picture" if states.total() == 1 else "pictures"
    return f"{states.total()} {pictures}: {', '.join(counted)}; {uploads} uploaded."


def printable(text: str) -> str:
    """The text without the characters that could steer a terminal: labels and file names are strangers' words."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _is_result(body: object) -> bool:
    match body:
        case {"status_code": int(), "request": None, "error": {"code": str(), "message": str()}}:
            return True
        case {"status_code": int(), "request": request, "error": None}:
            return is_request(request)
    return False


def _is_upload(body: object) -> bool:
    match body:
        case None | {"method": str(), "url": str(), "headers": dict()}:
            return True
    return False


def _state(answer: Answer) -> str:
    if answer.get("status", "completed") != "completed":
        return str(answer["status"])
    return "match" if answer["label_matched"] else "none"
