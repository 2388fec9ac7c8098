"""What a submission would send, without sending it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from imagescan_cli.conversion import planned_conversion, require_decoder
from imagescan_cli.errors import ApiError
from imagescan_cli.features import Feature
from imagescan_cli.formatting import format_estimate, format_skipped
from imagescan_cli.image_files import FoundFiles, ImageFile, group_by_content
from imagescan_cli.output import Output
from imagescan_cli.questions import printable_path
from imagescan_cli.schemas import RequestJson, failed_request, has_failed


def show_plan(found: FoundFiles, features: Sequence[Feature], output: Output) -> bool:
    """Print what would be submitted, and the maximum cost of these features.

    Return whether every image can be submitted.
    """
    for line in format_skipped(found.skipped, limit=None):
        output.note(line)
    groups = [[*_plan(copies)] for copies in group_by_content(found.images).values()]
    results = [(each.path, failed_request(each.error.code, each.error.message)) for each in found.failed]
    results += [result for group in groups for result in group]
    for path, result in results:
        output.show(result, path)
    planned = [group for group in groups if not has_failed(group[0][1])]
    output.note(format_estimate(sum(map(len, planned)), len(planned), features))
    return not any(has_failed(result) for _, result in results)


def _plan(copies: Sequence[ImageFile]) -> Iterator[tuple[Path, RequestJson]]:
    [first, *others] = copies
    try:
        require_decoder(first)
    except ApiError as error:
        yield from ((copy.path, failed_request(error.code, error.message)) for copy in copies)
        return
    conversion = planned_conversion(first)
    cleaned = " without its metadata" if first.is_cleaned else ""
    text = f"Would be submitted{cleaned} ({first.type}, {first.size:,} bytes)"
    yield _planned(first, f"{text} after conversion: {conversion}." if conversion else f"{text}.")
    for copy in others:
        yield _planned(copy, f"Would not be sent again, because it is identical to {printable_path(first.path)}.")


def _planned(image: ImageFile, message: str) -> tuple[Path, RequestJson]:
    fields = {"request_id": None, "status": "planned", "message": message, "type": image.type, "size": image.size}
    return image.path, fields
