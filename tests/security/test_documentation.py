"""What docs/accounts.md, docs/organisations.md and docs/security.md say of limits, rights, logs and keys is what is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chalicelib import journal
from chalicelib.events.decode import coding
from chalicelib.events.query import budget, language
from chalicelib.events.query.language import MAX_LENGTH
from chalicelib.identity import (
    devices,
    invitations,
    key_ring,
    names,
    orgs,
    passwords,
    security_log,
    sessions,
    users,
    views,
)
from chalicelib.identity.permissions import GRANTS, MAY, Permission, Role
from chalicelib.oauth import documents
from chalicelib.routes import audit, ingest, keys, members
from chalicelib.routes import orgs as org_routes
from chalicelib.routes import views as view_routes
from chalicelib.routes.pages import audit as audit_page
from chalicelib.storage.limits import LIMITS
from chalicelib.storage.tables.models import MODELS
from chalicelib.web.problems import FAULT, PROBLEMS
from chalicelib.web.request import GATEWAY_SECONDS
from chalicelib.web.routing import Routes

ROOT = Path(__file__).parents[2]
ACCOUNTS, ORGANISATIONS, SECURITY = ((ROOT / "docs" / f"{name}.md").read_text() for name in
                                     ("accounts", "organisations", "security"))  # fmt: skip
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(ROOT.glob("chalicelib/**/*.py"))}


def section(page: str, title: str) -> str:
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


SECONDS = {"min": 60, "5 min": 300, "10 min": 600, "15 min": 900, "hour": 3600, "day": 86_400}


@pytest.mark.requirement("V6.1.1", "V2.1.3")
def test_every_limit_is_documented_with_its_numbers() -> None:
    documented = {
        name: (int(burst.replace(",", "")), SECONDS[period])
        for what, burst, period, _ in rows(section(ACCOUNTS, "Limits"))
        for name in words(what)
    }
    assert documented == {name: (rate.burst, rate.seconds) for name, rate in LIMITS.items()}
    assert "strangers cannot lock the owner out" in ACCOUNTS


@pytest.mark.requirement("V2.1.3", "V2.3.2")
def test_how_much_there_can_be_is_documented() -> None:
    documented = {
        what: int(most.replace(",", "")) for what, most in rows(section(ORGANISATIONS, "How much there can be"))
    }
    assert documented == {
        "organisations that somebody is in and makes more": orgs.MOST_ORGS,
        "open invitations of an organisation": invitations.MOST_PENDING,
        "keys of a project": key_ring.MOST_KEYS,
        "views of a project that its members share": views.MOST["shared"],
        "views that a member keeps for themselves in a project": views.MOST["own"],
        "characters of a view's name": views.LONGEST_NAME,
        "characters of what a view asks": views.LONGEST_STATE,
        "characters of a name": names.LONGEST,
        "characters of an address": users.LONGEST_ADDRESS,
        "bytes of a password": passwords.MOST_BYTES,
        "days that a rotated key works beside the new one": key_ring.LONGEST_OVERLAP // 86_400,
    }
    assert f"{MAX_LENGTH:,}" in (ROOT / "docs" / "query-language.md").read_text()


ORGANISATIONAL = re.compile(r"^(?!account|factor|password|session)[a-z]+\.[a-z-]+$")


@pytest.mark.requirement("V16.1.1")
def test_every_action_of_the_audit_log_is_documented_and_can_be_searched_for_on_its_page() -> None:
    written = {
        node.value
        for path, text in SOURCES.items()
        if path.startswith(("chalicelib/identity/", "chalicelib/events/store/"))
        for said in _actions(ast.parse(text))
        for node in ast.walk(said)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ORGANISATIONAL.match(node.value)
    }
    documented = {action for names, _ in rows(section(ORGANISATIONS, "Audit log")) for action in words(names)}
    assert documented == written
    assert {noun for noun, _ in audit_page.ACTIONS if noun} == {action.partition(".")[0] for action in written}


def _actions(tree: ast.AST) -> Iterator[ast.expr]:
    """What calls give as their `action`."""
    for call in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
        yield from (each.value for each in call.keywords if each.arg == "action")
        if ast.unparse(call.func) == "Edit":
            yield from call.args


@pytest.mark.requirement("V16.1.1")
def test_everything_that_happens_to_an_account_has_words_on_the_page_of_its_log() -> None:
    written = {
        found
        for path, text in SOURCES.items()
        if path.startswith("chalicelib/identity/")
        for found in re.findall(r'"((?:account|factor|password|session)\.[a-z-]+)"', text)
    }
    assert audit_page.OWN_ACTIONS.keys() == written


@pytest.mark.requirement("V6.1.2", "V6.2.11")
def test_the_words_that_make_no_password_are_documented() -> None:
    text = section(ACCOUNTS, "Passwords")
    assert f"fewer than {passwords.LEAST_BEYOND_CONTEXT} characters left" in text
    assert f"`{passwords.PRODUCT}`" in text
    assert f"Words under {passwords.LEAST_CONTEXT} characters" in text
    for whose in ("address and its parts", "their name", "their organisation"):
        assert whose in text


@pytest.mark.requirement("V6.1.3", "V6.3.4")
def test_every_way_in_is_documented() -> None:
    makers = {
        Path(path).stem
        for path, text in SOURCES.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("sessions.begin", "sessions.renew", "begin", "renew")
        if path.startswith("chalicelib/identity/")
    }
    assert makers | {"sessions"} == set(words(section(ACCOUNTS, "Ways in")))


@pytest.mark.requirement("V7.1.1", "V7.1.2")
def test_how_long_sessions_last_and_how_many_there_may_be_is_documented() -> None:
    text = section(ACCOUNTS, "Sessions")
    assert f"end {sessions.SECONDS // 3600} hours after the proof" in text
    assert f"password given in the last {sessions.FRESH_SECONDS // 60} minutes" in text
    assert "no other\n  timeout for inactivity" in text
    assert "One account may have any number of sessions at a time" in text
    assert devices.SECONDS // 86_400 == 365
    assert "for a year" in ACCOUNTS


@pytest.mark.requirement("V8.1.1")
def test_every_permission_is_documented_with_who_has_it() -> None:
    holders = [GRANTS[Role.MEMBER], GRANTS[Role.ADMIN], GRANTS[Role.OWNER], MAY["ingest"], MAY["query"]]
    documented = {
        name: [cell == "yes" for cell in cells]
        for what, *cells in rows(section(ORGANISATIONS, "Permissions"))
        for name in words(what)
    }
    assert documented == {str(permission): [permission in may for may in holders] for permission in Permission}


@pytest.mark.requirement("V8.1.2", "V15.3.1")
def test_every_field_that_is_shown_is_documented_with_who_changes_it() -> None:
    shown = {what: (words(fields), words(changed)) for what, fields, changed in rows(section(ORGANISATIONS, "Fields"))}
    for what, view, change in (
        ("organisation", org_routes.OrgView, org_routes.OrgChange),
        ("project", org_routes.ProjectView, org_routes.ProjectChange),
        ("member", members.MemberView, members.RoleChange),
        ("key", keys.KeyView, keys.KeyChange),
        ("invitation", members.InvitationView, None),
        ("saved view", view_routes.ViewView, view_routes.ViewChange),
        ("entry of the audit log", audit.EntryView, None),
    ):
        fields, changed = shown[what]
        assert fields == list(view.__struct_fields__), what
        own = {"name", "email"} if what == "member" else set()
        assert set(changed) == (set(change.__struct_fields__) if change else set()) | own, what


def families() -> Iterator[Routes]:
    """Every family of routes that the app serves."""
    import sys

    for name, module in sys.modules.items():
        if name.startswith("chalicelib.routes") and isinstance(found := getattr(module, "routes", None), Routes):
            yield found


@pytest.mark.requirement("V16.1.1", "V16.3.3")
def test_every_event_of_the_security_log_is_documented() -> None:
    text = section(SECURITY, "Logs")
    assert [
        words(event)[0] for event, _ in rows(text.partition("| event |")[1] + text.partition("| event |")[2])
    ] == list(security_log.EVENTS)
    reasons = {
        word
        for line in re.findall(r"^(?:- |  )(.*)$", text.partition("the type that")[2], re.MULTILINE)
        for word in words(line)
    }
    codes = {problem.code for family in families() for problem in family._problems.values()}
    assert reasons == codes
    assert FAULT not in PROBLEMS.values()


@pytest.mark.requirement("V16.1.1")
def test_every_fact_of_a_line_is_documented() -> None:
    text = section(SECURITY, "Logs")
    for fact in (
        "at",
        "event",
        "request",
        "source",
        "method",
        "route",
        "user",
        "key",
        "second_factor",
        "problem",
        "limit",
        "trace",
    ):
        assert f"`{fact}`" in text


@pytest.mark.requirement("V16.2.3", "V16.1.1")
def test_nothing_is_logged_but_through_loggers_that_are_documented() -> None:
    own = (security_log.logger.name, journal.logger.name)
    for path, text in SOURCES.items():
        for node in ast.walk(ast.parse(text)):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in ("print", "logging.basicConfig", "logging.FileHandler", "sys.stdout.write"), path
            if called == "logging.getLogger":
                assert node.args or path == "chalicelib/journal.py", path  # the root, whose way out it gives
                assert all(ast.unparse(name) in ("__name__", *map(repr, own)) for name in node.args), path
    assert all(f"`{name}`" in section(SECURITY, "Logs") for name in own)


@pytest.mark.requirement("V14.1.1", "V14.1.2")
def test_every_table_is_in_a_class_of_data_with_its_rules() -> None:
    documented = rows(section(SECURITY, "Data"))
    assert {name for _, _, where, _ in documented for name in words(where)} == {model.table for model in MODELS}
    assert [name for name, *_ in documented] == ["secret", "customers'", "personal", "history", "operational"]
    for name, what, _, rules in documented:
        assert len(what.split()) > 2, name
        assert len(rules.split()) > 5, name


def cryptographic() -> dict[str, set[str]]:
    """By module, what it uses that hashes, signs or draws lots."""
    found: dict[str, set[str]] = {}
    for path, text in SOURCES.items():
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.ImportFrom(module="hashlib", names=names):
                    found.setdefault(path, set()).update(each.name for each in names)
                case ast.Attribute(value=ast.Name(id="hashlib"), attr=name):
                    found.setdefault(path, set()).add(name)
                case ast.Attribute(value=ast.Name(id="hmac"), attr="digest" | "new"):
                    found.setdefault(path, set()).add("hmac")
                case ast.Constant(value="sha1" | "sha256" | "md5" | "sha512" as name):
                    found.setdefault(path, set()).add(name)
                case ast.ImportFrom(module=str(module)) if module.split(".")[0] in LIBRARIES:
                    found.setdefault(path, set()).add(module.split(".")[0])
                case ast.Import(names=names):
                    found.setdefault(path, set()).update(
                        top for each in names if (top := each.name.split(".")[0]) in LIBRARIES
                    )
    return {path: uses for path, uses in found.items() if uses}


LIBRARIES = {"argon2", "jwt", "cryptography", "Crypto", "nacl", "bcrypt", "passlib", "crypt"}


@pytest.mark.requirement("V11.1.2", "V11.1.1")
def test_the_inventory_names_every_module_that_hashes_or_signs() -> None:
    inventory = {place for *_, where in rows(section(SECURITY, "Cryptography")) for place in words(where)}
    using = {path.removeprefix("chalicelib/").removesuffix(".py") for path in cryptographic()}
    assert inventory == using
    assert "SCRY_SECRETS" in section(SECURITY, "Cryptography")


@pytest.mark.requirement("V11.2.1", "V11.4.1", "V11.4.3")
def test_algorithms_are_those_of_the_inventory_and_from_libraries_that_are_known() -> None:
    for path, uses in cryptographic().items():
        assert uses <= {"sha256", "blake2b", "hmac", "argon2", "jwt", "sha1"}, path
        assert "sha1" not in uses or path == "chalicelib/identity/totp.py"
        assert "blake2b" not in uses or path in (
            "chalicelib/events/query/measures.py",
            "chalicelib/events/block/header.py",
        )


@pytest.mark.requirement("V15.1.3", "V15.2.2")
def test_what_costs_much_is_documented_with_the_bounds_that_hold() -> None:
    functions = msgspec.json.decode((ROOT / ".chalice" / "config.json").read_bytes())["lambda_functions"]
    api, upkeep = functions["api_handler"], functions["compact"]
    megabyte = 1024 * 1024
    documented = {what: most for what, most, _ in rows(section(SECURITY, "What costs much"))}
    assert documented == {
        "a request": f"{GATEWAY_SECONDS:.0f} s at the gateway; {api['reserved_concurrency']} at once",
        "reading events: search, groups, patterns, export, assistants": f"{budget.BYTES // megabyte} MB or "
        f"{budget.BLOCKS:,} blocks, and {budget.SHARE_FOR_READING:.0%} of the time that is left".replace("%", " %"),
        "a question": f"{language.MAX_LENGTH:,} characters, {language.MAX_TERMS} terms, {language.MAX_NESTING} levels",
        "a batch": f"{coding.RECEIVED_LIMIT // megabyte} MB as it travels, {coding.INFLATED_LIMIT // megabyte} MB "
        f"inflated, {ingest.SECONDS} s",
        "hashing a password": f"{passwords.FULL.memory // 1024} MB of memory",
        "a client's document": f"{documents.SECONDS:.0f} s, {LIMITS['client-document'].burst} a minute by source",
        "upkeep: merging, indexing, patterns": f"{upkeep['lambda_timeout']} s",
    }
    assert api["lambda_timeout"] == GATEWAY_SECONDS
    assert upkeep["reserved_concurrency"] == 1


@pytest.mark.requirement("V2.1.1", "V2.2.1")
def test_every_text_in_every_body_has_its_form() -> None:
    """A length, a list of values or a pattern, in the description that clients read."""
    described = msgspec.json.decode((ROOT / "openapi.json").read_bytes())
    free = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                reference = content.get("schema", {}).get("$ref", "")
                if path == "/api/ingest" or not reference:
                    continue
                schema = described["components"]["schemas"][reference.rpartition("/")[2]]
                free += [(method, path, name) for name, one in schema["properties"].items() if not _bounded(one)]
    assert free == []


def _bounded(schema: dict[str, object]) -> bool:
    kinds = schema.get("anyOf", [schema])
    assert isinstance(kinds, list)
    return all(
        kind.get("type") in ("boolean", "null", "object")
        or {"maxLength", "maxItems", "enum", "pattern", "maximum", "$ref"} & kind.keys()
        for kind in kinds
    )
