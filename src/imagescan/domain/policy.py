"""Policy constants that several modules and the deployed functions share."""

DAY_SECONDS = 24 * 3600

ITEM_MARGIN_SECONDS = 2 * DAY_SECONDS
"""Time by which the item of an image outlives the requests and the bytes that were stored when it was last written."""

MAX_ATTEMPTS = 5
"""Attempt budget of an image: the maximum number of paid calls for it until a later request renews the budget."""

MAX_EXHAUSTIONS_PER_DAY = 4
"""Attempt budgets of one image that may be exhausted in a UTC day: the first one and three renewed ones."""

BACKOFF_SECONDS = 60, 300, 900, 1800
"""Minimum wait after the first to the fourth attempt that may have been billed. All five take at least 51 minutes."""

SCANNER_TIMEOUT_SECONDS = 60
"""Timeout of the scanner function in template.yaml. A test compares the two."""

LEASE_SECONDS = SCANNER_TIMEOUT_SECONDS + 30
"""Duration of a lease: longer than a delivery can run, shorter than the queue's visibility timeout."""

REQUEST_STORED_SECONDS = 35
"""Time after the upload of posted bytes by which their request is stored, if it ever is: longer than the timeout of the
submit function in template.yaml, plus the rounding of S3's times. A test compares the two."""

GRACE_SECONDS = 20 * 60
"""Grace period after a deadline. It exceeds every Lambda timeout plus clock skew, so that a terminal write that arrives
late cannot change a timeout into an answer."""
