"""Policy constants that several modules and the deployed functions share."""

DAY_SECONDS = 24 * 3600

MAX_ATTEMPTS = 5
"""Maximum number of paid calls for one image, whatever fails."""

SCANNER_TIMEOUT_SECONDS = 60
"""Timeout of the scanner function in template.yaml. A test compares the two."""

LEASE_SECONDS = SCANNER_TIMEOUT_SECONDS + 30
"""Duration of a lease: longer than a delivery can run, shorter than the queue's visibility timeout."""

GRACE_SECONDS = 20 * 60
"""Grace period after a deadline. It exceeds every Lambda timeout plus clock skew, so that a terminal write that arrives
late cannot change a timeout into an answer."""
