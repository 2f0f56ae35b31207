"""Owns the commands that need no line: `keys`, `settings` and `examples`."""

import argparse

from inspector.settings import config_file
from inspector.settings.reference import describe


def keys(options: argparse.Namespace) -> None:
    """Make the keys for a push source, and print where each belongs."""
    from inspector.protocol.keys import make

    folder, client = options.folder, options.client
    for path in make(folder, client):
        print(f"new: {path}")
    print("for the line's config, readable by the line's user:")
    print(f"  secret_key: {(folder / 'server.key_secret').absolute()}")
    print(f"  clients: {(folder / 'clients').absolute()}")
    print(f"for the machine of {client}, by a safe way; and there only, {client}.key_secret is not needed here:")
    print(f"  {folder / 'server.key'}\n  {folder / f'{client}.key_secret'}")


def settings() -> None:
    """List every setting."""
    for key, default, text in describe():
        print(f"{key:34} {default:12} {text}")


def examples(options: argparse.Namespace) -> None:
    """Copy the example configs."""
    for path in config_file.copy_examples(options.folder):
        print(f"new: {path}")
