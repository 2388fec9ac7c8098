"""Preparation of images: conversion, and small copies for a report."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from imagescan_cli.conversion import Prepared, convert, thumbnail
from imagescan_cli.image_files import ImageFile

# Converted images that are waiting for their upload. They occupy disk space.
_MAX_CONVERTED_AHEAD = 32


class Preparation:
    """Convert images that the service does not accept, on all processors, and create small copies for a report."""

    def __init__(self, folder: Path, *, with_thumbnails: bool) -> None:
        self._folder, self._with_thumbnails = folder, with_thumbnails
        self._processors = asyncio.Semaphore(os.cpu_count() or 1)
        self._converted_ahead = asyncio.Semaphore(_MAX_CONVERTED_AHEAD)

    async def convert(self, image: ImageFile) -> Prepared:
        """Return a converted image. ``release`` must follow. Raise ApiError if it cannot be converted."""
        await self._converted_ahead.acquire()
        try:
            return await self._run(
                lambda each: convert(each, self._folder, with_thumbnail=self._with_thumbnails), image
            )
        except BaseException:
            self._converted_ahead.release()
            raise

    def release(self, prepared: Prepared) -> None:
        """Delete the copy of a converted image, which has been uploaded or failed."""
        if prepared.image.content:
            prepared.image.content.unlink(missing_ok=True)
            self._converted_ahead.release()

    async def thumbnail(self, prepared: Prepared) -> bytes | None:
        """Return the small copy of an image."""
        if not self._with_thumbnails or prepared.image.content:
            return prepared.thumbnail
        return await self._run(thumbnail, prepared.image)

    async def _run[T](self, work: Callable[[ImageFile], T], image: ImageFile) -> T:
        async with self._processors:
            return await asyncio.to_thread(work, image)
