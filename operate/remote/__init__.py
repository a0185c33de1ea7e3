"""DVC remotes: where the outputs of all commits are, for every clone of the project."""

from operate.remote.fetch import restore
from operate.remote.setup import add, check, push

__all__ = ["add", "check", "push", "restore"]
