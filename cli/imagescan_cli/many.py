"""Many pictures or requests at once, each answer shown as it comes."""

import asyncio
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from imagescan_cli.answers import Answer, failed, summary
from imagescan_cli.output import Output, progress
from imagescan_cli.pictures import Found, Picture, by_content
from imagescan_cli.questions import Question
from imagescan_cli.scanning import Scanning


async def submit_all(
    scanning: Scanning, found: Found, question: Question, output: Output, *, wait: bool
) -> list[Answer]:
    """An answer for every picture and for every file that could not be read; the rest is noted and passed over."""
    for other in found.others:
        output.note(f"{other}: skipped, neither JPEG nor PNG")
    answers = [_show_unreadable(error, output) for error in found.unreadable]
    answers += await _answers(scanning, found.pictures, question, output, wait=wait)
    output.note(summary(answers, scanning.uploads))
    return answers


async def look_at_all(scanning: Scanning, request_ids: Iterable[str], output: Output, *, wait: bool) -> list[Answer]:
    """How each request stands or, with ``wait``, ends."""

    async def one(request_id: str) -> Answer:
        answer = await scanning.status(request_id, wait=wait)
        output.show(answer)
        return answer

    return await asyncio.gather(*map(one, request_ids))


async def _answers(
    scanning: Scanning, pictures: Iterable[Picture], question: Question, output: Output, *, wait: bool
) -> list[Answer]:
    """Asks about copies of one picture once, and answers for each."""
    contents = by_content(pictures)
    with progress() as bars:
        sent = bars.add_task("sent", total=len(contents))
        answered = bars.add_task("answered", total=len(contents), visible=wait)

        async def one(copies: list[Picture]) -> list[Answer]:
            answer = await scanning.submit(copies[0], question, wait=wait, sent=lambda: bars.advance(sent))
            bars.advance(answered)
            for picture in copies:
                output.show(answer, picture.path)
            return [answer] * len(copies)

        return [*chain.from_iterable(await asyncio.gather(*map(one, contents.values())))]


def _show_unreadable(error: OSError, output: Output) -> Answer:
    answer = failed("unreadable", f"It cannot be read: {error.strerror}.")
    output.show(answer, Path(error.filename))
    return answer
