"""The door: the only package that knows HTTP and Chalice. It asks who is there, and knows nothing of events."""

from typing import Final

VERSION: Final = "0.1.0"
