"""The composition root: what Chalice deploys. Routes, schedules, and nothing else."""

from chalicelib import journal
from chalicelib.jobs import compact, purge
from chalicelib.routes import (
    account,
    audit,
    auth,
    connections,
    deletions,
    deploys,
    ingest,
    keys,
    mcp,
    members,
    oauth,
    orgs,
    patterns,
    query,
    reports,
    status,
    usage,
    views,
    wellknown,
)
from chalicelib.routes.pages.families import PAGES
from chalicelib.storage import parameters
from chalicelib.web.application import Application

journal.open_on_lambda()
parameters.enter()

app = Application("scrywatch")

for family in (
    ingest, deploys, query, patterns, usage, auth, account, orgs, members, keys, views, connections, audit, wellknown,
    status, oauth, mcp, reports, deletions,
):  # fmt: skip
    app.register_blueprint(family.routes)
for pages in PAGES:
    app.register_blueprint(pages)
for scheduled in (compact, purge):
    app.register_blueprint(scheduled.jobs)
