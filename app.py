"""The composition root: what Chalice deploys. Routes, schedules, and nothing else."""

from chalicelib.jobs import compact
from chalicelib.routes import audit, auth, ingest, keys, members, orgs, query, wellknown
from chalicelib.routes.pages.families import PAGES
from chalicelib.web.application import Application

app = Application("scrywatch")

for family in (ingest, query, auth, orgs, members, keys, audit, wellknown):
    app.register_blueprint(family.routes)
for pages in PAGES:
    app.register_blueprint(pages)
app.register_blueprint(compact.jobs)
