"""Entry point of `imagescan` and `python -m imagescan_cli`."""

from imagescan_cli.commands import app


def main() -> None:
    """Run the command given on the command line and exit with its code."""
    app(prog_name="imagescan")


if __name__ == "__main__":
    main()
