"""Command line client of the imagescan service."""

__version__ = "0.1.0"
