"""Owns the entry of the `inspector` command, and of `python -m inspector`."""

import sys

from inspector.host import signals


def main() -> int:
    """Run the command; returns the exit code. A line holds its signals before it takes the time to import anything."""
    if sys.argv[1:2] == ["run"]:
        signals.hold()
    import inspector.cli.main

    return inspector.cli.main.main()


if __name__ == "__main__":
    sys.exit(main())
