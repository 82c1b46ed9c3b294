"""What is typed and cannot be meant."""

from __future__ import annotations

import argparse
from typing import NoReturn


class UsageError(Exception):
    """What was typed is wrong usage, though each word by itself is none."""


class Words(argparse.ArgumentParser):
    """The words of a command; wrong usage is one line, not a page of options above it."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")
