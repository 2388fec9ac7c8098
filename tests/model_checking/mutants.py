"""The production code without one of its protections, each in its own way; the explorer has to notice every one.

A mutant changes the text of the code itself, or of a condition that the tables in memory share with the real ones
(``test_tables_agree`` compares the two).
"""

from dataclasses import dataclass

from tests.model_checking.production import Change


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is wrong with it, and the name of the scenario that shows it."""

    sentence: str
    scenario: str
    change: Change

    def __str__(self) -> str:
        return self.sentence


def _in(module: str, old: str, new: str) -> Change:
    return Change(f"imagescan.{module}", old, new)


def _in_table(old: str, new: str) -> Change:
    return Change("tests.model_checking.images_table", old, new)


MUTANTS = (
    # ---------------------------------------------------------------- submit
    Mutant(
        "the request is stored before its bytes",
        "one asks, two faults",
        _in(
            "submit",
            "    if isinstance(image, CheckedImage) and not answered and (earlier is None or earlier.awaits_upload):\n",
            "    requests.put(answered or request)\n"
            "    if isinstance(image, CheckedImage) and not answered and (earlier is None or earlier.awaits_upload):\n",
        ),
    ),
    Mutant(
        "a request is accepted that is not stored",
        "two ask about one picture",
        _in(
            "submit", "stored = earlier or requests.put(answered or request)", "stored = earlier or answered or request"
        ),
    ),
    # ---------------------------------------------------------------- scan
    Mutant(
        "an existing row counts as done",
        "two ask about one picture",
        _in(
            "scan",
            "        if image.scan:\n            return self._settle(",
            "        if image:\n            return self._settle(",
        ),
    ),
    Mutant(
        "an error becomes empty labels",
        "one asks, two faults",
        _in(
            "scan",
            "            self.images.release(image_hash, owner, refund=not error.may_be_billed)\n"
            "            return Outcome(key, OutcomeKind.TRANSIENT_ERROR, error.code)",
            "            scan = Scan(Status.COMPLETED, self.clock())",
        ),
    ),
    Mutant(
        "a missing permission becomes empty labels",
        "one asks, two faults",
        _in(
            "scan",
            "            self.images.release(image_hash, owner, refund=True)\n"
            "            return Outcome(key, OutcomeKind.CONFIGURATION_ERROR, error.code)",
            "            scan = Scan(Status.COMPLETED, self.clock())",
        ),
    ),
    Mutant(
        "an unknown error code counts as the image's own fault",
        "one asks, two faults",
        _in(
            "aws.rekognition",
            "return DetectorMisused(code) if code in OF_THE_DEPLOYMENT else DetectorBusy(code)",
            "return ImageRefused(code, OF_THE_IMAGE['InvalidImageFormatException'])",
        ),
    ),
    Mutant(
        "the bytes are not compared with the hash they are scanned for",
        "one asks, two faults",
        _in("scan", "if stored is None or stored.hash != image_hash:", "if stored is None:"),
    ),
    Mutant(
        "a later delivery that finds no bytes forgets that they were there",
        "a direct upload at the deadline",
        _in("scan", "bytes_missing=is_first", "bytes_missing=True"),
    ),
    Mutant(
        "an image that somebody is at work on counts as attempted too often",
        "two ask about one picture",
        _in("scan", "        if image.is_leased(now):\n            return Outcome(key, OutcomeKind.LEASED)\n", ""),
    ),
    Mutant(
        "an attempt that was paid for is given back",
        "attempts run out",
        _in("scan", "refund=not error.may_be_billed", "refund=True"),
    ),
    Mutant(
        "an attempt that cost nothing is not given back",
        "attempts run out",
        _in("scan", "refund=not error.may_be_billed", "refund=False"),
    ),
    Mutant(
        "the index is believed when it knows of nobody who waits",
        "two ask about one picture",
        _in(
            "scan",
            "        now = self.clock()\n",
            "        if not list(self.requests.pending_for_image(image_hash)):\n"
            "            return Outcome(key, OutcomeKind.OBJECT_MISSING)\n"
            "        now = self.clock()\n",
        ),
    ),
    Mutant(
        "a lease may end before its owner does",
        "a scanner takes its time",
        _in("settings", "SCANNER_TIMEOUT_SECONDS + 30", "SCANNER_TIMEOUT_SECONDS - 30"),
    ),
    Mutant(
        "every delivery calls itself by the same name",
        "two ask about one picture",
        _in("handlers.scanner", "owner=str(uuid.uuid4())", "owner='scanner'"),
    ),
    # ---------------------------------------------------------------- acknowledgement
    Mutant(
        "a message is acknowledged although Rekognition was busy",
        "one asks, two faults",
        _in("scan", "OutcomeKind.LEASED, OutcomeKind.TRANSIENT_ERROR, ", "OutcomeKind.LEASED, "),
    ),
    Mutant(
        "a message is acknowledged while somebody else is at work on its image",
        "two ask about one picture",
        _in("scan", "frozenset({OutcomeKind.LEASED, ", "frozenset({"),
    ),
    Mutant(
        "a message is acknowledged although its scan broke",
        "one asks, two faults",
        _in("scan", "OutcomeKind.OUT_OF_TIME, OutcomeKind.UNEXPECTED_ERROR})", "OutcomeKind.OUT_OF_TIME})"),
    ),
    Mutant(
        "a message is acknowledged before the terminal write",
        "one asks, two faults",
        _in("scan", "self._settle(key, self.images.finish(image_hash, scan), result)", "Outcome(key, result)"),
    ),
    Mutant(
        "every message of a batch is acknowledged",
        "two ask about one picture",
        _in("handlers.scanner", "if not each.is_done]", "if not each]"),
    ),
    Mutant(
        "a message that cannot be read is acknowledged",
        "strange mail",
        _in("scan_batch", "return self.poison is None and all(", "return all("),
    ),
    # ---------------------------------------------------------------- the day's budget
    Mutant(
        "Rekognition is asked although the day's budget is spent",
        "a day's budget is spent",
        _in("scan", "is_granted = self.budget.take(asked_at)", "is_granted = self.budget.take(asked_at) is not None"),
    ),
    Mutant(
        "a call that was paid for is given back to the budget",
        "two pictures, a call a day",
        _in("scan", "            if not error.may_be_billed:\n", "            if error:\n"),
    ),
    Mutant(
        "two take the last call of a day",
        "two pictures, a call a day",
        Change("tests.model_checking.daily_calls", ">= most:", "> most:"),
    ),
    Mutant(
        "a message is acknowledged although its image was not marked as waiting",
        "midnight comes while two are at work",
        _in("scan", "OutcomeKind.DEFERRED if is_marked else OutcomeKind.LEASED", "OutcomeKind.DEFERRED"),
    ),
    Mutant(
        "an image is put off by one who no longer has its lease",
        "midnight comes while two are at work",
        _in_table(
            "    if row.lease_owner != owner:\n        return world, began in row.deferred_at\n", "    assert row\n"
        ),
    ),
    Mutant(
        "a day without budget counts against the deadline",
        "a day's budget is spent",
        _in("requests", "deadline = max(deadline, next_day(began) + allowed)", "deadline = max(deadline, began)"),
    ),
    Mutant(
        "a wait that begins after a request has timed out puts its deadline off",
        "a day's budget is spent",
        _in("requests", "        if began <= deadline:\n", "        if began:\n"),
    ),
    Mutant(
        "the sweeper forgets an image once its request's first deadline is over",
        "a day's budget is spent",
        _in("sweep", "now <= deadline_of(row, image) for", "now <= row.deadline for"),
    ),
    # ---------------------------------------------------------------- what a request is told
    Mutant(
        "a request times out while a scan for it may still be on its way",
        "the deadline passes",
        _in("requests", "now > deadline + GRACE_SECONDS", "now > deadline"),
    ),
    Mutant(
        "a scan after the deadline answers a request that had timed out",
        "another asks after the deadline",
        _in("requests", "image.scan and image.scan.finished_at <= deadline:", "image.scan:"),
    ),
    Mutant(
        "one of many that looks timed out is believed without another look at its row",
        "somebody asks while an image is removed",
        _in("standings", "    if timed_out:", "    if not timed_out:"),
    ),
    # ---------------------------------------------------------------- sweeper
    Mutant(
        "there is no sweeper",
        "two sweepers at once",
        _in(
            "sweep", "in batched(requests.all_pending(), ROWS_AT_ONCE, strict=False):", "in list[list[ScanRequest]]():"
        ),
    ),
    Mutant(
        "the sweeper queues nothing again",
        "two sweepers at once",
        _in("sweep", "    if not is_due or ", "    if is_due or "),
    ),
    Mutant(
        "the sweeper settles nothing",
        "two ask about one picture",
        _in(
            "sweep", "settled += settle(answered(rows, found.get, now), requests=requests, time_left=time_left)", "pass"
        ),
    ),
    Mutant(
        "the sweeper judges by the index without reading the images",
        "the deadline passes",
        _in("sweep", "answered(rows, found.get, now)", "answered(rows, lambda _: None, now)"),
    ),
    # ---------------------------------------------------------------- deletion
    Mutant(
        "an image is removed without a quiet time",
        "a deletion, a sweep and the same picture at once",
        _in("forget", "return now < quiet_since + QUIET_SECONDS or any(", "return any("),
    ),
    Mutant(
        "an image is removed although somebody waits for it",
        "a deletion and one fault",
        _in("forget", " or any(True for _ in requests.pending_for_image(marked.image_hash))", ""),
    ),
    Mutant(
        "bytes are removed that were uploaded since their deletion",
        "the same picture, never scanned",
        _in("forget", "bucket.remove(marked.image_hash, marked.since)", "bucket.remove(marked.image_hash, now)"),
    ),
    Mutant(
        "bytes that come after the deletion are kept",
        "a direct upload after its request was deleted",
        _in(
            "forget",
            "        if bucket.was_uploaded_since(marked.image_hash, marked.since):\n"
            "            images.mark_for_purge(marked.image_hash, now)  #",
            "        if False:\n            pass  #",
        ),
    ),
    Mutant(
        "the quiet time ends before the last bytes may come",
        "a direct upload after its request was deleted",
        _in("forget", "QUIET_SECONDS = 20 * 60", "QUIET_SECONDS = 10 * 60"),
    ),
    Mutant(
        "an image's row is removed although it was finished since it was seen",
        "the same picture, never scanned",
        _in_table(" or _finished_at(row) != finished_at", ""),
    ),
    Mutant(
        "settling brings a deleted request back",
        "a deletion while a scan runs",
        Change(
            "tests.model_checking.requests_table",
            "return stored is not None and stored.answer is None",
            "return stored is None or stored.answer is None",
        ),
    ),
    Mutant(
        "a removed image is taken for one that was never scanned",
        "somebody asks while an image is removed",
        _in("status", "if stands.has_timed_out:", "if stands is None:"),
    ),
    # ---------------------------------------------------------------- conditions of the images table
    Mutant(
        "the lease is granted to everybody",
        "two ask about one picture",
        _in_table("if row.scan or not is_free or not may_try:", "if row.scan or not may_try:"),
    ),
    Mutant(
        "a terminal image is leased again",
        "two ask about one picture",
        _in_table("if row.scan or not is_free or not may_try:", "if not is_free or not may_try:"),
    ),
    Mutant(
        "a lease that the SDK asks for twice is refused the second time",
        "attempts run out",
        _in_table(" or row.lease_owner == owner", ""),
    ),
    Mutant(
        "a lease that the SDK asks for twice is two attempts",
        "attempts run out",
        _in_table("attempts=row.attempts | {owner})", "attempts=row.attempts | {f'{owner}.{len(row.attempts)}'})"),
    ),
    Mutant(
        "attempts have no cap",
        "attempts run out",
        _in_table("if row.scan or not is_free or not may_try:", "if row.scan or not is_free:"),
    ),
    Mutant(
        "the terminal write has no condition",
        "a scanner takes its time",
        _in_table("    if row.scan is None:\n", "    if row:\n"),
    ),
    Mutant(
        "an image is queued again only once, whatever became of that message",
        "two sweepers at once",
        _in_table("row.requeued_at is not None and row.requeued_at >= requeued_before", "row.requeued_at is not None"),
    ),
)
