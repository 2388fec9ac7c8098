"""Work on many images or requests concurrently. Each result is printed as soon as it arrives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from imagescan_cli import output as outputs
from imagescan_cli.conversion import Prepared, planned_conversion
from imagescan_cli.errors import ApiError
from imagescan_cli.formatting import format_skipped, format_summary
from imagescan_cli.image_files import FailedFile, FoundFiles, ImageFile, group_by_content
from imagescan_cli.output import Output, ProgressReport
from imagescan_cli.preparation import Preparation
from imagescan_cli.questions import Question
from imagescan_cli.schemas import RequestJson, failed_request, has_failed
from imagescan_cli.workflow import ScanWorkflow

SUBMITTED, FINISHED = "submitted", "finished"


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The result of an image: its path, what was converted, and a small JPEG of it if requested."""

    path: Path
    result: RequestJson
    conversion: str | None = None
    thumbnail: bytes | None = None


async def submit_all(
    workflow: ScanWorkflow,
    found: FoundFiles,
    question: Question,
    output: Output,
    results: list[ImageResult],
    *,
    wait: bool,
    with_thumbnails: bool = False,
) -> None:
    """Submit all images. Note the skipped files.

    A result for each image and each file that cannot be submitted is added to ``results`` as soon as it exists, so that
    a command that is interrupted has those that were complete.
    """
    for line in format_skipped(found.skipped):
        output.note(line)
    failed = [_show_failed(each, output) for each in found.failed]
    results += failed
    with TemporaryDirectory(prefix="imagescan-", ignore_cleanup_errors=True) as folder:
        preparation = Preparation(Path(folder), with_thumbnails=with_thumbnails)
        in_order = await _submit(workflow, preparation, found.images, question, output, finished=results, wait=wait)
    results[:] = failed + in_order
    _summarize(results, found, workflow.uploads, output)


async def poll_all(
    workflow: ScanWorkflow, request_ids: Sequence[str], output: Output, *, wait: bool
) -> list[RequestJson]:
    """Return the state of each request. With ``wait``, poll until it is finished."""
    return await _for_each_request(request_ids, output, lambda each: workflow.status(each, wait=wait))


async def delete_all(workflow: ScanWorkflow, request_ids: Sequence[str], output: Output) -> list[RequestJson]:
    """Delete each request and return the outcomes."""
    return await _for_each_request(request_ids, output, workflow.delete)


async def _submit(
    workflow: ScanWorkflow,
    preparation: Preparation,
    images: Iterable[ImageFile],
    question: Question,
    output: Output,
    *,
    finished: list[ImageResult],
    wait: bool,
) -> list[ImageResult]:
    """Submit copies of an image once and return a result for each copy. Add those that finish to ``finished``."""
    contents = group_by_content(images)
    steps = (SUBMITTED, FINISHED) if wait else (SUBMITTED,)
    # Determined before the first submission, because images that are ready at the same time share a batch.
    unsuitable = await asyncio.to_thread(_unsuitable, contents)

    async def submit(copies: list[ImageFile], report: ProgressReport) -> list[ImageResult]:
        path = copies[0].path
        try:
            is_suitable = copies[0].sha256 not in unsuitable
            prepared = Prepared(copies[0]) if is_suitable else await preparation.convert(copies[0])
        except ApiError as error:
            report.advance(SUBMITTED)
            prepared, result = Prepared(copies[0]), failed_request(error.code, error.message)
        else:

            def on_submitted() -> None:
                preparation.release(prepared)
                report.advance(SUBMITTED)

            result = await workflow.submit(
                prepared.image, question.for_path(path), wait=wait, on_submitted=on_submitted
            )
        small = await preparation.thumbnail(prepared)
        if wait:
            report.advance(FINISHED)
        results = [ImageResult(image.path, result, prepared.image.conversion, small) for image in copies]
        finished.extend(results)
        for each in results:
            output.show(result, each.path, each.conversion)
        return results

    with output.progress(len(contents), steps=steps, noun="image") as report:
        async with _reported(report):
            return [*chain.from_iterable(await asyncio.gather(*(submit(each, report) for each in contents.values())))]


def _unsuitable(contents: Mapping[str, Sequence[ImageFile]]) -> frozenset[str]:
    """Return the keys of the images that must be converted."""
    return frozenset(key for key, copies in contents.items() if planned_conversion(copies[0]))


async def _for_each_request(
    request_ids: Sequence[str], output: Output, action: Callable[[str], Awaitable[RequestJson]]
) -> list[RequestJson]:
    async def act(request_id: str, report: ProgressReport) -> RequestJson:
        result = await action(request_id)
        report.advance(FINISHED)
        output.show(result)
        return result

    with output.progress(len(request_ids), steps=(FINISHED,), noun="request") as report:
        async with _reported(report):
            results = await asyncio.gather(*(act(each, report) for each in request_ids))
    if len(results) > 1:
        output.list_failures((each, None) for each in results if has_failed(each))
    return results


@asynccontextmanager
async def _reported(report: ProgressReport) -> AsyncIterator[None]:
    """Report progress every 30 seconds until the context exits."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(outputs.REPORT_INTERVAL_SECONDS)
            report.report()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _summarize(results: Sequence[ImageResult], found: FoundFiles, uploads: int, output: Output) -> None:
    if len(results) > 1:
        output.list_failures((each.result, each.path) for each in results if has_failed(each.result))
    conversions = sum(each.conversion is not None for each in results)
    skipped = sum(each.files for each in found.skipped)
    cleaned = sum(image.is_cleaned for image in found.images)
    outcomes = [each.result for each in results]
    output.note(format_summary(outcomes, uploads=uploads, conversions=conversions, cleaned=cleaned, skipped=skipped))


def _show_failed(failed: FailedFile, output: Output) -> ImageResult:
    result = failed_request(failed.error.code, failed.error.message)
    output.show(result, failed.path)
    return ImageResult(failed.path, result)
