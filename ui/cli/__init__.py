"""The command line: `bayan`."""

from ui.cli.main import main

__all__ = ["main"]
