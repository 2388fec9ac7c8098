"""Mutants: the production code, each time without one of its protections. The model checker must detect every one.

A mutant changes the source of the code itself, or a condition of an in-memory table that the real table has too.
``test_table_fakes`` compares the two.
"""

from dataclasses import dataclass

from tests.model_checking.production import Change


@dataclass(frozen=True, slots=True)
class Mutant:
    """A defect, and the name of the scenario that detects it."""

    description: str
    scenario: str
    change: Change

    def __str__(self) -> str:
        return self.description


def _in(module: str, old: str, new: str) -> Change:
    return Change(f"imagescan.{module}", old, new)


def _in_images_table(old: str, new: str) -> Change:
    return Change("tests.model_checking.images_table", old, new)


MUTANTS = (
    # ---------------------------------------------------------------- submit
    Mutant(
        "the request is stored before its bytes",
        "one request, two faults",
        _in(
            "use_cases.submit_request",
            "    copy_error = None\n",
            "    requests.put(answered or request)\n    copy_error = None\n",
        ),
    ),
    Mutant(
        "a request is accepted but not stored",
        "two requests for one image",
        _in(
            "use_cases.submit_request",
            "stored = earlier or requests.put(answered or request)",
            "stored = earlier or answered or request",
        ),
    ),
    # ---------------------------------------------------------------- scan
    Mutant(
        "an existing image item counts as a finished scan",
        "two requests for one image",
        _in(
            "use_cases.scan_image",
            "            return Outcome(key, OutcomeKind.LEASED)\n        if item.scan",
            "            return Outcome(key, OutcomeKind.DUPLICATE, item=item)\n        if item.scan",
        ),
    ),
    Mutant(
        "a transient error becomes an empty label list",
        "one request, two faults",
        _in(
            "use_cases.scan_image",
            "            return Outcome(key, OutcomeKind.TRANSIENT_ERROR, error.code, wait_seconds=wait)",
            "            scan = Scan(Status.COMPLETED, self.clock())",
        ),
    ),
    Mutant(
        "a missing permission becomes an empty label list",
        "one request, two faults",
        _in(
            "use_cases.scan_image",
            "            self._release(leased, owner, refund=True)\n"
            "            return Outcome(key, OutcomeKind.CONFIGURATION_ERROR, error.code)",
            "            scan = Scan(Status.COMPLETED, self.clock())",
        ),
    ),
    Mutant(
        "an unknown error code rejects the image",
        "one request, two faults",
        _in(
            "aws.rekognition",
            "return DetectorConfigurationError(code) if code in CONFIGURATION_ERRORS else TransientDetectorError(code)",
            "return ImageRejected(code, IMAGE_ERRORS['InvalidImageFormatException'])",
        ),
    ),
    Mutant(
        "rejected parameters fail the image although no call has succeeded",
        "one request, two faults",
        _in(
            "use_cases.scan_image",
            "            if failure is None and not error.is_image_at_fault:\n                raise\n",
            "",
        ),
    ),
    Mutant(
        "the hash of the bytes is not verified before the scan",
        "one request, two faults",
        _in("use_cases.scan_image", "if stored.hash != hash_from_key(key):", "if False:"),
    ),
    Mutant(
        "a later delivery that finds no bytes erases the record that they existed",
        "a late message without bytes",
        _in(
            "use_cases.scan_image",
            "refund=True, bytes_missing=is_first)\n            return received",
            "refund=True, bytes_missing=True)\n            return received",
        ),
    ),
    Mutant(
        "an image leased to another delivery counts as out of attempts",
        "an exhaustion races with a late result",
        _in(
            "use_cases.scan_image",
            "        if item.is_leased(now):\n            return Outcome(",
            "        if item.is_leased(now) and not item:\n            return Outcome(",
        ),
    ),
    Mutant(
        "a billed attempt is refunded",
        "attempts are exhausted",
        _in("use_cases.scan_image", "refund=not error.may_be_billed", "refund=True"),
    ),
    Mutant(
        "an attempt that was not billed is not refunded",
        "attempts are exhausted",
        _in("use_cases.scan_image", "refund=not error.may_be_billed", "refund=False"),
    ),
    Mutant(
        "an image is skipped if the index shows no pending request",
        "two requests for one image",
        _in(
            "use_cases.scan_image",
            "        now = self.clock()\n        lease = self",
            "        if not list(self.requests.pending_for_image(item)):\n"
            "            return Outcome(key, OutcomeKind.OBJECT_MISSING)\n"
            "        now = self.clock()\n        lease = self",
        ),
    ),
    Mutant(
        "a lease may expire before its owner times out",
        "a slow scanner",
        _in("domain.policy", "SCANNER_TIMEOUT_SECONDS + 30", "SCANNER_TIMEOUT_SECONDS - 30"),
    ),
    Mutant(
        "all deliveries share one lease owner",
        "two requests for one image",
        _in("handlers.scanner", "owner=str(uuid.uuid4())", "owner='scanner'"),
    ),
    # ---------------------------------------------------------------- acknowledgement
    Mutant(
        "a message is acknowledged after a transient error",
        "one request, two faults",
        _in("use_cases.scan_image", "        OutcomeKind.TRANSIENT_ERROR,\n", ""),
    ),
    Mutant(
        "a message is acknowledged while its image is leased to another delivery",
        "two requests for one image",
        _in("use_cases.scan_image", "        OutcomeKind.LEASED,\n", ""),
    ),
    Mutant(
        "a message is acknowledged after an unexpected error",
        "one request, two faults",
        _in("use_cases.scan_image", "        OutcomeKind.UNEXPECTED_ERROR,\n", ""),
    ),
    Mutant(
        "a message is acknowledged before the terminal write",
        "one request, two faults",
        _in(
            "use_cases.scan_image",
            "Outcome(key, OutcomeKind.SCANNED, item=self.images.finish(item.key, scan))",
            "Outcome(key, OutcomeKind.SCANNED)",
        ),
    ),
    Mutant(
        "every message of a batch is acknowledged",
        "two requests for one image",
        _in("handlers.scanner", "if not result.is_done]", "if not result]"),
    ),
    Mutant(
        "a malformed message is acknowledged",
        "malformed and test messages",
        _in("use_cases.scan_batch", "return self.message.error is None and all(", "return all("),
    ),
    # ---------------------------------------------------------------- daily quota
    Mutant(
        "Rekognition is called although the daily quota is used up",
        "the daily quota is used up",
        _in(
            "use_cases.scan_image",
            "is_granted = self.quota.try_acquire(acquired_at, feature)",
            "is_granted = self.quota.try_acquire(acquired_at, feature) is not None",
        ),
    ),
    Mutant(
        "a billed call is refunded to the quota",
        "two images, one call per day",
        _in("use_cases.scan_image", "            if not error.may_be_billed:\n", "            if error:\n"),
    ),
    Mutant(
        "two deliveries acquire the last call of a day",
        "two images, one call per day",
        Change("tests.model_checking.daily_quota", ">= limit:", "> limit:"),
    ),
    Mutant(
        "a message is acknowledged although the deferral of its image was not recorded",
        "midnight passes during two deliveries",
        _in(
            "use_cases.scan_image",
            "OutcomeKind.DEFERRED if is_recorded else OutcomeKind.LEASED",
            "OutcomeKind.DEFERRED",
        ),
    ),
    Mutant(
        "a delivery defers an image after it lost the lease",
        "midnight passes during two deliveries",
        _in_images_table(
            "    if item.lease_owner != owner:\n        return system, began in item.deferred_at\n", "    assert item\n"
        ),
    ),
    Mutant(
        "a day without quota counts against the deadline",
        "the daily quota is used up",
        _in(
            "domain.scan_request",
            "deadline = max(deadline, next_day(began) + allowed)",
            "deadline = max(deadline, began)",
        ),
    ),
    Mutant(
        "a deferral after the timeout of a request moves its deadline",
        "the daily quota is used up",
        _in("domain.scan_request", "        if began <= min(deadline, until):\n", "        if began:\n"),
    ),
    Mutant(
        "the sweeper stops requeueing an image after the original deadline of its request",
        "the daily quota is used up",
        _in("use_cases.sweep", "now > feature_deadline(request, seen.get(feature)):", "now > request.deadline:"),
    ),
    # ---------------------------------------------------------------- answers
    Mutant(
        "a request times out while its scan may still be in progress",
        "the deadline passes",
        _in("domain.scan_request", "now > deadline + GRACE_SECONDS", "now > deadline"),
    ),
    Mutant(
        "a scan after the deadline answers a request that timed out",
        "second request after the deadline",
        _in("domain.scan_request", "item.scan and item.scan.finished_at <= deadline:", "item.scan:"),
    ),
    Mutant(
        "a batch status reports a timeout without rereading the request",
        "poll during a purge",
        _in("use_cases.get_requests", "    if answered:", "    if not answered:"),
    ),
    # ---------------------------------------------------------------- sweeper
    Mutant(
        "the sweeper does nothing",
        "two concurrent sweepers",
        _in("use_cases.sweep", "for page in self.requests.pending_pages(start):", "for page in list[PendingPage]():"),
    ),
    Mutant(
        "the sweeper does not requeue images",
        "two concurrent sweepers",
        _in("use_cases.sweep", "        yield item\n", "        yield from ()\n"),
    ),
    Mutant(
        "the sweeper does not settle requests",
        "two requests for one image",
        _in("use_cases.sweep", "            self._each_or_all(chunk, self._settle)\n", "            pass\n"),
    ),
    Mutant(
        "the sweeper settles requests without reading their images",
        "the deadline passes before an exhaustion",
        _in(
            "use_cases.sweep",
            "with_result = with_answer(request, items, now)",
            "with_result = with_answer(request, None, now)",
        ),
    ),
    Mutant(
        "the position of a sweep that is out of time is not saved",
        "sweeps that run out of time",
        _in("use_cases.sweep", "                    self._save_position(page.start, start)\n", ""),
    ),
    Mutant(
        "the position is saved past the page that was not processed",
        "sweeps that run out of time",
        Change(
            "tests.model_checking.requests_table", "yield PendingPage(start, items", "yield PendingPage(after, items"
        ),
    ),
    Mutant(
        "the position is not reset after the last page",
        "sweeps that run out of time",
        _in("use_cases.sweep", "        self._save_position(None, start)\n", ""),
    ),
    Mutant(
        "an image is requeued without a claim",
        "two concurrent sweepers",
        _in(
            "use_cases.sweep",
            "claimed.update(self.images.claim_requeues(hashes, now, now - REQUEUE_AFTER_SECONDS))",
            "claimed.update(hashes)",
        ),
    ),
    Mutant(
        "the message of a requeued image precedes its claim",
        "two concurrent sweepers of two images",
        _in(
            "use_cases.sweep",
            "        claimed = self.claimed  #",
            "        claimed = self.claimed\n        self._enqueue([key for image in due for key in image.keys])  #",
        ),
    ),
    Mutant(
        "a cancelled transaction of claims counts as claimed",
        "two concurrent sweepers of two images",
        _in_images_table(
            "return [each for each in image_hashes if self._call(_claim_one(each, now, requeued_before))]",
            "return list(image_hashes)",
        ),
    ),
    Mutant(
        "a malformed request stops its page",
        "a malformed request next to healthy ones",
        _in("use_cases.sweep", 'self._fail(request_id, "the item is malformed")', "raise ValueError(request_id)"),
    ),
    Mutant(
        "a malformed image stops its page",
        "a malformed image next to a healthy one",
        _in(
            "use_cases.sweep",
            "                for item in items:\n                    self._each_or_all([item], process)\n",
            "                raise\n",
        ),
    ),
    # ---------------------------------------------------------------- deletion
    Mutant(
        "an image is purged without a delay",
        "resubmitted image while another request is deleted",
        _in(
            "use_cases.purge_deleted_images",
            "until = min(covered_until, now - PURGE_DELAY_SECONDS)",
            "until = covered_until",
        ),
    ),
    Mutant(
        "an image is purged although a request waits for it",
        "deletion with one fault",
        _in(
            "use_cases.purge_deleted_images",
            "return is_awaited(requests.pending_for_image(image_hash), images)",
            "return False",
        ),
    ),
    Mutant(
        "bytes uploaded after the deletion are purged",
        "resubmitted image that was never scanned",
        _in(
            "use_cases.purge_deleted_images",
            "bucket.remove(candidate.key, until, covered_until)",
            "bucket.remove(candidate.key, now, now)",
        ),
    ),
    Mutant(
        "the upload of a deleted request is kept if the image was scanned before",
        "late upload of a scanned image, after its request was deleted",
        _in("use_cases.scan_image", "        if upload:\n            self._take_possession(upload)\n", ""),
    ),
    Mutant(
        "an upload is purged although its request waits for it",
        "direct upload after its request was deleted",
        _in(
            "use_cases.purge_deleted_images",
            "upload is None or _is_pending(requests.find(request_id)):",
            "upload is None:",
        ),
    ),
    Mutant(
        "a mark is removed although a later one was written",
        "slow upload after its request was deleted",
        _in_images_table("read == (read.key, item.purge_guard,", "read == (read.key, read.purge_guard,"),
    ),
    Mutant(
        "the image of a deleted request is scanned",
        "the request of a stored object was deleted",
        _in("use_cases.scan_image", "received.request_id is None or (request", "received.stored or (request"),
    ),
    Mutant(
        "an object is skipped although its request may not be stored yet",
        "two requests for one image",
        _in("domain.policy", "REQUEST_STORED_SECONDS = 35\n", "REQUEST_STORED_SECONDS = 0\n"),
    ),
    Mutant(
        "a repeated idempotency key restores a deleted request",
        "repeated idempotency key after a deletion",
        Change(
            "tests.model_checking.requests_table",
            "is_deleted = request_id in system.deleted_requests",
            "is_deleted = False",
        ),
    ),
    Mutant(
        "bytes whose request cannot be stored are kept",
        "one request, one fault, one sweep",
        _in(
            "use_cases.scan_image",
            "            self.images.mark_for_purge(stored.hash, self.clock())\n",
            "            pass\n",
        ),
    ),
    Mutant(
        "bytes that were posted with the key of another image are kept",
        "one key for two images",
        _in(
            "use_cases.submit_request",
            "        _mark_unused_bytes(request, stored, images, now)\n",
            "",
        ),
    ),
    Mutant(
        "the sweeper enqueues one upload per image only",
        "two requests by hash on two pages",
        _in("use_cases.sweep", " and image_hash not in claimed):", "):"),
    ),
    Mutant(
        "the bytes of an image are deleted after its item",
        "deletion with one fault",
        _in(
            "use_cases.purge_deleted_images",
            "        and bucket.remove(candidate.key, until, covered_until)\n"
            "        and images.remove(list(items.values()), now)\n",
            "        and images.remove(list(items.values()), now)\n"
            "        and bucket.remove(candidate.key, until, covered_until)\n",
        ),
    ),
    Mutant(
        "an image item is deleted although its scan finished after it was read",
        "resubmitted image that was never scanned",
        _in_images_table("_finished_at(item), len(item.exhausted_at))", "read.finished_at, len(item.exhausted_at))"),
    ),
    Mutant(
        "settling restores a deleted request",
        "deletion during a scan",
        Change(
            "tests.model_checking.requests_table",
            "return stored is not None and stored.answer is None",
            "return stored is None or stored.answer is None",
        ),
    ),
    Mutant(
        "a purged image counts as one that was never scanned",
        "poll during a purge",
        _in("use_cases.get_request", "if state.request.answer and not request.answer:", "if state is None:"),
    ),
    # ---------------------------------------------------------------- conditions of the images table
    Mutant(
        "the lease is granted to every delivery",
        "two requests for one image",
        _in_images_table(
            "if item.scan or is_blocked or not is_free or not may_try:", "if item.scan or is_blocked or not may_try:"
        ),
    ),
    Mutant(
        "a terminal image is leased again",
        "two requests for one image",
        _in_images_table(
            "if item.scan or is_blocked or not is_free or not may_try:", "if is_blocked or not is_free or not may_try:"
        ),
    ),
    Mutant(
        "a lease that the SDK retries is denied the second time",
        "attempts are exhausted",
        _in_images_table(" or item.lease_owner == owner", ""),
    ),
    Mutant(
        "a lease that the SDK retries counts as two attempts",
        "attempts are exhausted",
        _in_images_table(
            "attempts=item.attempts | {owner})", "attempts=item.attempts | {f'{owner}.{len(item.attempts)}'})"
        ),
    ),
    Mutant(
        "attempts are unlimited",
        "attempts are exhausted",
        _in_images_table(
            "if item.scan or is_blocked or not is_free or not may_try:", "if item.scan or is_blocked or not is_free:"
        ),
    ),
    Mutant(
        "the terminal write has no condition",
        "a slow scanner",
        _in_images_table("    if item.scan is None:\n", "    if item:\n"),
    ),
    Mutant(
        "an image is requeued only once, even if that message was lost",
        "two concurrent sweepers",
        _in_images_table("item.requeued_at is None or item.requeued_at < requeued_before", "item.requeued_at is None"),
    ),
    # ---------------------------------------------------------------- exhausted attempts
    Mutant(
        "a scan that follows an exhaustion answers the requests that failed",
        "an exhaustion races with a late result",
        _in(
            "domain.scan_request",
            "    if exhausted_at is not None:",
            "    if exhausted_at is not None and not item.scan:",
        ),
    ),
    Mutant(
        "an exhaustion fails later requests as well",
        "a later request reopens an exhausted image",
        _in("domain.image_record", "if start <= at <= end)", "if at <= end)"),
    ),
    Mutant(
        "an exhaustion after the deadline of a request fails it",
        "the deadline passes before an exhaustion",
        _in("domain.image_record", "if start <= at <= end)", "if start <= at)"),
    ),
    Mutant(
        "an image is reopened without a limit",
        "the sweeper reopens an image on the next day",
        _in("domain.image_record", "exhausted_today < MAX_EXHAUSTIONS_PER_DAY", "exhausted_today < 99"),
    ),
    Mutant(
        "an image that two submissions reopen is reopened once more than is allowed",
        "two submissions reopen an image",
        _in_images_table("or not item.is_exhausted or len(item.exhausted_at) != budget:", "or not item.is_exhausted:"),
    ),
    Mutant(
        "a late delivery exhausts the renewed attempts",
        "a late delivery finds a reopened image",
        _in_images_table("is_current = len(item.exhausted_at) == budget and ", "is_current = "),
    ),
    Mutant(
        "the sweeper does not reopen images",
        "the sweeper reopens an image on the next day",
        _in("use_cases.sweep", "item for image in due for item in image.exhausted", "item for item in ()"),
    ),
    Mutant(
        "an image is not reopened on the next day",
        "the sweeper reopens an image on the next day",
        _in("domain.image_record", "sum(next_day(at) == next_day(now) for", "sum(next_day(at) <= next_day(now) for"),
    ),
    Mutant(
        "an image item is deleted although its attempts were exhausted after it was read",
        "the attempts of an image are exhausted during its purge",
        _in_images_table("_finished_at(item), len(item.exhausted_at))", "_finished_at(item), read.exhaustions)"),
    ),
    Mutant(
        "an attempt starts before the wait after the previous one is over",
        "attempts back off",
        _in_images_table("item.is_exhausted or (item.not_before is not None and item.not_before > now)", "False"),
    ),
    Mutant(
        "an attempt that may have been billed is followed by no wait",
        "attempts back off",
        _in("use_cases.scan_image", "None if wait is None else self.clock() + wait", "None"),
    ),
    Mutant(
        "a message is acknowledged before a short wait",
        "attempts back off",
        _in("use_cases.scan_image", "self.wait_seconds > MAX_DELAY_SECONDS", "self.wait_seconds > 0"),
    ),
    Mutant(
        "the sweeper does not requeue an image after its wait",
        "attempts back off",
        _in(
            "domain.image_record",
            "self.not_before is not None and now < self.not_before",
            "self.not_before is not None",
        ),
    ),
    Mutant(
        "an owner sees the image of another one",
        "an owner knows the hash of another one's image",
        _in(
            "domain.scan_request",
            "    if possession is None or possession.since > request.deadline:\n        return None\n",
            "    if possession is None:\n        return items\n",
        ),
    ),
    Mutant(
        "an upload after the deadline counts",
        "an owner uploads a deferred image around the deadline",
        _in(
            "domain.scan_request",
            "possession is None or possession.since > request.deadline",
            "possession is None",
        ),
    ),
    Mutant(
        "an owner without possession has the image purged",
        "an owner deletes a request for another one's image",
        _in(
            "use_cases.delete_request",
            "if request.owner is None or not request.awaits_upload or read_possessions([request], images).of(request):",
            "if request.owner:",
        ),
    ),
    Mutant(
        "a purge ignores that owners wait for the image",
        "an owner waits for an image that is purged for another one",
        _in(
            "use_cases.visible_images",
            "any(possessions.is_held(request) for request in chunk)",
            "any(request.owner is None for request in chunk)",
        ),
    ),
    Mutant(
        "a purge does not wait after an owner got possession",
        "an owner uploads an image that is being purged for another one",
        _in("use_cases.purge_deleted_images", ", item.granted_at or 0)", ")"),
    ),
    Mutant(
        "possession is read after the image",
        "an owner uploads an image that is being purged for another one",
        _in(
            "use_cases.get_request",
            "    possessions = read_possessions([request], images)\n"
            "    items = {item.feature: item for item in read_items(request.item_keys, images)}\n",
            "    items = {item.feature: item for item in read_items(request.item_keys, images)}\n"
            "    possessions = read_possessions([request], images)\n",
        ),
    ),
    Mutant(
        "the sweeper does not enqueue the upload of a scanned image",
        "an owner knows the hash of another one's image",
        _in("use_cases.sweep", "        elif not_received:\n", "        elif not waiting:\n"),
    ),
    Mutant(
        "an upload that was scanned during a deletion does not mark its image",
        "an owner deletes a request during its scan",
        _in(
            "use_cases.purge_deleted_images",
            "item.scan.scanned_for == request_id",
            "item.scan.scanned_for is None",
        ),
    ),
    Mutant(
        "a new owner is recorded in the image after the possession",
        "an owner uploads an image that is being purged for another one",
        _in_images_table(
            "        self._call(_count_grant(possession.image_hash, possession.since))\n"
            "        self._call(_grant(possession))\n",
            "        self._call(_grant(possession))\n"
            "        self._call(_count_grant(possession.image_hash, possession.since))\n",
        ),
    ),
    Mutant(
        "a lease after the deadline proves that an upload arrived late",
        "an owner who sent an image that was purged submits its hash",
        _in(
            "domain.scan_request",
            "first_leased_at=since,  #",
            "first_leased_at=max(since, item.first_leased_at or since),  #",
        ),
    ),
    Mutant(
        "possession is stored before the object is read",
        "an owner knows the hash of another one's image",
        _in(
            "use_cases.scan_image",
            "        stored = self.bucket.find(key)\n        if stored is None:\n",
            "        stored = self.bucket.find(key) or StoredObject(key, '', hash_from_key(key) or '', None, 0)\n"
            "        if stored is None:\n",
        ),
    ),
    Mutant(
        "a submission over the daily limit of its caller is accepted",
        "a caller submits more images than the daily limit",
        _in("use_cases.submit_request", "not quota.try_acquire(now):", "quota.try_acquire(now) is None:"),
    ),
    # ---------------------------------------------------------------- expiry and rescan
    Mutant(
        "an expired image counts as absent but is not deleted",
        "an image expires",
        _in(
            "use_cases.submit_request",
            "        images.remove_expired(item)\n        return None",
            "        return None",
        ),
    ),
    Mutant(
        "an expired possession counts as absent but is not deleted",
        "the possession of an image expires",
        _in(
            "use_cases.submit_request",
            "        images.remove_expired(item)\n        return None",
            "        return None",
        ),
    ),
    Mutant(
        "an image is deleted before it expires",
        "an image expires",
        _in("domain.image_record", "item.expires_at <= now\n", "item.expires_at <= now + DAY_SECONDS\n"),
    ),
    Mutant(
        "the expiry of a possession is not extended",
        "the possession of an image expires",
        _in(
            "use_cases.renew_daily",
            "return images.renew(item, now)",
            "return not isinstance(item, Image) or images.renew(item, now)",
        ),
    ),
    Mutant(
        "an item that was renewed since it was read is deleted as expired",
        "an image expires",
        _in_images_table(
            "key in table and table[key].expires_at == expires_at for table in items",
            "key in table for table in items",
        ),
    ),
    Mutant(
        "a rescan ignores the requests that wait for the result",
        "a rejected image is scanned again",
        Change(
            "ops.rescan.rescan",
            "return PENDING if is_awaited(requests.pending_for_image(image.hash), images) else None",
            "return None",
        ),
    ),
    Mutant(
        "an answer that was derived before the request was settled is returned",
        "a rejected image is scanned again",
        _in("use_cases.get_request", "if state.request.answer and not request.answer:", "if state is None:"),
    ),
    Mutant(
        "an answer of a batch that was derived before the request was settled is returned",
        "a rejected image is scanned again",
        _in(
            "use_cases.get_requests",
            "if not found[key].answer and state.request.answer]",
            "if not found[key].answer and state is None]",
        ),
    ),
    Mutant(
        "only a timeout is derived again from the stored request",
        "poll during a purge and a new scan",
        _in(
            "use_cases.get_request",
            "if state.request.answer and not request.answer:",
            "if state.request.answer and not state.request.answer.scans and not request.answer:",
        ),
    ),
    # ---------------------------------------------------------------- features
    Mutant(
        "the features of an image share a lease",
        "two features of one image",
        _in("use_cases.scan_image", 'item_key(hash_from_key(key) or "", feature)', 'hash_from_key(key) or ""'),
    ),
    Mutant(
        "a request fails before all of its features are decided",
        "one of two features fails",
        _in(
            "domain.scan_request",
            "return decided if len(decided) == len(outcomes) else None",
            "is_final = len(decided) == len(outcomes) or any(each.failure for each in decided.values())\n"
            "    return decided if is_final else None",
        ),
    ),
    Mutant(
        "the sweeper only considers the first feature of a request",
        "the message of an image is lost after its first feature",
        _in("use_cases.sweep", "for feature in each.features\n", "for feature in each.features[:1]\n"),
    ),
    Mutant(
        "the items of other features outlive a purge",
        "an image with two features is purged",
        _in("use_cases.purge_deleted_images", "get_many(all_item_keys(image_hash))", "get_many([image_hash])"),
    ),
    Mutant(
        "the items of an image are deleted one by one",
        "an owner uploads an image with two features that is being purged",
        _in(
            "use_cases.purge_deleted_images",
            "images.remove(list(items.values()), now)",
            "all([images.remove([each], now) for each in reversed(items.values())])",
        ),
    ),
    Mutant(
        "the bytes of another owner are copied",
        "an owner knows the hash of an image that was scanned for another feature",
        _in("use_cases.submit_request", "earlier, image, known, bucket)", "earlier, image, items, bucket)"),
    ),
    Mutant(
        "a scan for a feature that was not requested is paid",
        "the request of an own object was deleted",
        _in("use_cases.scan_image", "self.images, feature):", "self.images):"),
    ),
    Mutant(
        "an object is scanned for others before its request is stored",
        "requests for different features",
        _in("use_cases.scan_image", "if upload and self._may_be_stored(upload):", "if upload == key:"),
    ),
    # ---------------------------------------------------------------- content
    Mutant(
        "a content has no lease",
        "two files with one content",
        _in("use_cases.scan_image", "if received.stored.content_hash is None:", "if received:"),
    ),
    Mutant(
        "the lease of a content that another delivery holds is ignored",
        "two files with one content, one fault",
        _in("use_cases.scan_image", "if content.granted:", "if content.granted or not content.image.scan:"),
    ),
    Mutant(
        "the result of a content is not stored",
        "two files with one content",
        _in(
            "use_cases.scan_image",
            "        for content in leased[:-1]:\n",
            "        self._release(leased[:-1], owner, refund=True)\n        for content in ():\n",
        ),
    ),
    Mutant(
        "the canonical form omits the quantisation tables",
        "a client claims the content of another image",
        Change(
            "tests.model_checking.system_state",
            'CONTENT_HASHES = {C: "1" * 64, D: "1" * 64, E: "2" * 64}',
            'CONTENT_HASHES = {C: "1" * 64, D: "1" * 64, E: "1" * 64}',
        ),
    ),
    Mutant(
        "the content that a client claims is trusted",
        "a client claims the content of another image",
        _in(
            "use_cases.submit_request",
            "all_item_keys(request.image_hash), list[str]()",
            "all_item_keys(request.image_hash), [content_item_key(str(request.reference), Feature.LABELS)]",
        ),
    ),
    Mutant(
        "a copied scan finishes at the time of the original",
        "a scan is copied around the deadline",
        _in("domain.content", "replace(scan, finished_at=now, scanned_hash=None)", "replace(scan, scanned_hash=None)"),
    ),
    Mutant(
        "a rejected file rejects its content",
        "two files with one content, one fault",
        _in("use_cases.scan_image", "        if scan.failure:\n", "        if scan.failure and len(leased) == 1:\n"),
    ),
    Mutant(
        "an answer from the scan of a content is returned but not stored",
        "a file whose content was scanned is posted",
        _in(
            "use_cases.submit_request",
            "images.finish(copy.key, copy.scan) for",
            "copy for",
        ),
    ),
    Mutant(
        "the scan of a content outlives the purge of its file",
        "the file that was scanned is purged",
        _in("use_cases.purge_deleted_images", "return not contents or images.remove(contents, now)", "return True"),
    ),
    Mutant(
        "the content of a file without a result is not purged",
        "an interrupted scan of a file that is deleted",
        _in(
            "use_cases.purge_deleted_images",
            "    if not content_hashes:\n",
            "    if content_hashes:\n",
        ),
    ),
    Mutant(
        "the purge of a file removes the results of other files with its content",
        "the file that was scanned is purged",
        _in(
            "use_cases.purge_deleted_images",
            "and images.remove(list(items.values()), now)",
            "and images.remove([*items.values(), *images.get_many(['d' * 64]).values()], now)",
        ),
    ),
    Mutant(
        "an exhausted content is never reopened",
        "a file whose content is exhausted is submitted",
        _in("use_cases.scan_image", "= content.can_be_reopened(now)", "= False"),
    ),
    Mutant(
        "a file does not wait until its content may be attempted again",
        "two files with one content back off",
        _in(
            "use_cases.scan_image",
            "if content.granted:",
            "if content.granted or content.image.is_backing_off(self.clock()):",
        ),
    ),
)
