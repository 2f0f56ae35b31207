"""`python -m inspector` is the `inspector` command."""

import sys

from inspector.cli import main

if __name__ == "__main__":
    sys.exit(main())
