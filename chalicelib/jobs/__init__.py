"""Scheduled entry points. Each is a function of its own, which begins with its module here and never sees `app.py`."""

from chalicelib import journal
from chalicelib.storage import parameters

journal.open_on_lambda()
parameters.enter()
