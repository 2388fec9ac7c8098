"""`imagescan`, or `python -m imagescan_cli`"""

from imagescan_cli.commands import app


def main() -> None:
    """Runs the command that the arguments name and ends the process with its exit code."""
    app(prog_name="imagescan")


if __name__ == "__main__":
    main()
