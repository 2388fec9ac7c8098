"""The command line of an image scanning service."""

__version__ = "0.1.0"
