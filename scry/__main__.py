"""`python -m scry`."""

import sys

from scry.commands import main

if __name__ == "__main__":
    sys.exit(main())
