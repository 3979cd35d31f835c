"""The composition root: what Chalice deploys. Routes, schedules, and nothing else."""

from chalicelib.jobs import compact
from chalicelib.routes import audit, auth, connections, ingest, keys, mcp, members, oauth, orgs, query, wellknown
from chalicelib.routes.pages.families import PAGES
from chalicelib.web.application import Application

app = Application("scrywatch")

for family in (ingest, query, auth, orgs, members, keys, connections, audit, wellknown, oauth, mcp):
    app.register_blueprint(family.routes)
for pages in PAGES:
    app.register_blueprint(pages)
app.register_blueprint(compact.jobs)
