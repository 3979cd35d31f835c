"""The composition root: what Chalice deploys. Routes, schedules, and nothing else."""

from chalicelib.jobs import compact
from chalicelib.routes import ingest, query, wellknown
from chalicelib.web.application import Application

app = Application("scrywatch")

for family in (ingest, query, wellknown):
    app.register_blueprint(family.routes)
app.register_blueprint(compact.jobs)
