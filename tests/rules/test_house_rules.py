"""Each house rule finds what it is for and leaves alone what only looks like it."""

import pytest

from infra.rules import findings, request_readers, route_conflicts

STORE = "chalicelib/storage/tables/models.py"
ROUTE = "chalicelib/routes/query.py"
TEMPLATE = "chalicelib/templates/page.html"

BROKEN = [
    ("scan", ROUTE, "Model.scan(limit=1)"),
    ("scan", STORE, "for item in table.scan():\n    pass"),
    ("scan", STORE, 'call("Scan", {})'),
    ("digest", ROUTE, "if row.key_hash == presented: pass"),
    ("digest", ROUTE, "if secret != presented_secret: pass"),
    ("digest", ROUTE, "known = hash_of(token) == row['digest']"),
    ("digest", ROUTE, "same = sha256(code).digest() == other"),
    ("key", ROUTE, 'request = {"Key": key}'),
    ("key", "chalicelib/identity/users.py", 'request = {"TableName": name, "Item": item}'),
    ("key", ROUTE, 'request = {"KeyConditionExpression": "p = :p"}'),
    ("code", ROUTE, "found = eval(request.query['q'])"),
    ("code", ROUTE, "import pickle"),
    ("code", ROUTE, "from xml.etree import ElementTree"),
    ("code", ROUTE, "import os, subprocess"),
    ("code", ROUTE, "os.system(name)"),
    ("code", ROUTE, "page = environment.from_string(text)"),
    ("code", ROUTE, "shown = markupsafe.Markup(text)"),
    ("code", "app.py", "importlib.import_module(name)"),
    ("pattern", ROUTE, "def found(text):\n    return re.search(text, 'x')"),
    ("pattern", ROUTE, "def found(text):\n    return re.compile(f'^{text}$')"),
    ("raw", TEMPLATE, "<p>{{ note | safe }}</p>"),
    ("raw", TEMPLATE, "{% autoescape false %}{{ note }}{% endautoescape %}"),
    ("markup", TEMPLATE, "<style>b { color: red }</style>"),
    ("markup", TEMPLATE, '<p style="color: red">'),
    ("markup", TEMPLATE, "<script>alert(1)</script>"),
    ("markup", TEMPLATE, '<button onclick="go()">'),
    ("markup", TEMPLATE, '<a href=" javascript:go()">'),
    ("request", ROUTE, "who = app.current_request.headers"),
    ("place", "README.md", "see " + ".." + "/shared/design"),
    ("place", "tests/x.py", 'path = "/' + 'work/main"'),
    ("place", "docs/x.md", "under /" + "tmp/x"),
    ("place", "Makefile", "cd /home/" + "alice/x"),
    ("place", "requirements.txt", "--index-url https://" + "pypi" + ".org/simple"),
]

SOUND = [
    ("chalicelib/storage/erasure.py", "Model.scan(limit=1)"),
    ("tests/x.py", "Model.scan(limit=1)"),
    (ROUTE, "packed.scan"),
    (ROUTE, "scan.compile(query)"),
    (ROUTE, 'if token == "": pass'),
    (ROUTE, "if hmac.compare_digest(secret, other_secret): pass"),
    (ROUTE, "if token.kind == other.kind: pass"),
    (ROUTE, "if row.body_digest == digest: pass  # digest: of what the client sent itself"),
    (ROUTE, "form = re.compile(r'[a-z]+')\nfound = ast.literal_eval(text)"),
    (ROUTE, "def found(text):\n    return re.split('|'.join(map(re.escape, text)), 'x') + re.findall(WORD, text)"),
    ("infra/tools.py", "import subprocess"),
    (TEMPLATE, "<p>{{ note }} is safe</p>"),
    (STORE, 'request = {"Key": key}'),
    ("chalicelib/events/store/read.py", 'request = {"Item": item}'),
    (ROUTE, 'answer = {"key": 1, "item": 2}'),
    (TEMPLATE, '<script src="/static/app.js" defer></script><p class="style">on</p>'),
    ("docs/page.html", '<p style="color: red">'),
    ("chalicelib/web/request.py", "who = app.current_request.headers"),
    ("README.md", "https://logs.example/home/items and https://example.com/tmp/"),
    ("benchmarks/corpus.py", 'path = "/home/app/current/worker.rb"'),
]


@pytest.mark.requirement("S12", "V1.1.2", "V1.2.5", "V1.2.9", "V1.3.2", "V1.3.7", "V1.5.2")
@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_what_breaks_a_rule_is_found(rule, path, text):
    assert [finding.rule for finding in findings(path, text)] == [rule]


@pytest.mark.parametrize(("path", "text"), SOUND)
def test_what_only_looks_like_it_is_left_alone(path, text):
    assert findings(path, text) == []


def test_a_finding_says_where_it_is():
    [found] = findings(ROUTE, "\n\nModel.scan()")
    assert str(found) == "chalicelib/routes/query.py:3: scan: a scan reads the whole table: only erasure may"


def test_two_functions_of_the_door_may_not_both_read_the_request():
    one = ("chalicelib/web/request.py", "def current():\n    return app.current_request")
    other = ("chalicelib/web/csrf.py", "def token():\n    return app.current_request.headers")
    assert request_readers([one]) == []
    assert [finding.path for finding in request_readers([one, other])] == [one[0], other[0]]


@pytest.mark.parametrize(
    ("routes", "conflicts"),
    [
        (["/orgs/{org}", "/orgs/{org}/keys", "/orgs/new", "/users/{id}"], []),
        (["/orgs/{org}", "/orgs/{slug}/keys"], ["/orgs/ is followed by {org} and {slug}"]),
        (["/a/{x}/b/{y}", "/a/{x}/b/{z}"], ["/a/{}/b/ is followed by {y} and {z}"]),
        (["/{page}", "/{org}/x"], ["// is followed by {org} and {page}"]),
    ],
)
def test_two_parameter_names_at_one_place_of_a_path_are_found(routes, conflicts):
    assert [finding.message for finding in route_conflicts(routes)] == conflicts
