"""Work on many images or requests concurrently. Each result is printed as soon as it arrives."""

import asyncio
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from imagescan_cli.formatting import format_summary
from imagescan_cli.image_files import FoundFiles, ImageFile, group_by_content
from imagescan_cli.output import Output, progress
from imagescan_cli.questions import Question
from imagescan_cli.schemas import RequestJson, failed_request
from imagescan_cli.workflow import ScanWorkflow


async def submit_all(
    workflow: ScanWorkflow, found: FoundFiles, question: Question, output: Output, *, wait: bool
) -> list[RequestJson]:
    """Submit all images and return a result for each image and each unreadable file. Note the skipped files."""
    for path in found.skipped:
        output.note(f"{path}: skipped, neither JPEG nor PNG")
    results = [_show_unreadable(error, output) for error in found.unreadable]
    results += await _submit(workflow, found.images, question, output, wait=wait)
    output.note(format_summary(results, workflow.uploads))
    return results


async def poll_all(
    workflow: ScanWorkflow, request_ids: Iterable[str], output: Output, *, wait: bool
) -> list[RequestJson]:
    """Return the state of each request. With ``wait``, poll until it is finished."""

    async def poll(request_id: str) -> RequestJson:
        result = await workflow.status(request_id, wait=wait)
        output.show(result)
        return result

    return await asyncio.gather(*map(poll, request_ids))


async def _submit(
    workflow: ScanWorkflow, images: Iterable[ImageFile], question: Question, output: Output, *, wait: bool
) -> list[RequestJson]:
    """Submit copies of an image once and return a result for each copy."""
    contents = group_by_content(images)
    with progress() as bars:
        submitted = bars.add_task("submitted", total=len(contents))
        finished = bars.add_task("finished", total=len(contents), visible=wait)

        async def submit(copies: list[ImageFile]) -> list[RequestJson]:
            result = await workflow.submit(copies[0], question, wait=wait, on_submitted=lambda: bars.advance(submitted))
            bars.advance(finished)
            for image in copies:
                output.show(result, image.path)
            return [result] * len(copies)

        return [*chain.from_iterable(await asyncio.gather(*map(submit, contents.values())))]


def _show_unreadable(error: OSError, output: Output) -> RequestJson:
    result = failed_request("unreadable", f"Cannot read file: {error.strerror}.")
    output.show(result, Path(error.filename))
    return result
