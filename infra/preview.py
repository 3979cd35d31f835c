"""Every page with sample data, as files to be looked at: `python -m infra.preview FOLDER`, then serve the folder.

The tests render the same samples, and the same again with hostile text in every field.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from chalicelib.routes.pages import prices, promises
from chalicelib.routes.pages.assistants import claude_code, ways
from chalicelib.routes.pages.examples import curl, examples
from chalicelib.routes.pages.qr import qr_code
from chalicelib.routes.pages.views import assistants, people, projects, start
from chalicelib.routes.pages.views.forms import Form, saved
from chalicelib.web.templates import Person, Place, Refusal, Shell, View, document, static_files
from infra import preview_events

SEED: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TOKEN: Final = "sample"
NOW: Final = 1_795_468_560
URL: Final = "https://scry.example.com"
MCP_URL: Final = f"{URL}/mcp/acme/shop"
KEY: Final = "scry_ing_3fQ9Zk2L9sXoT4bVq7Yw1NcR5eJmA8hUgK6dPw0aB4xY"

VISITOR: Final = Shell(csrf="c5rf")
OTHERS: Final = (Place("shop", "Web shop"), Place("billing", "Billing"), Place("ingest-eu", "Ingest, Frankfurt"))
SIGNED_IN: Final = Shell(path="/account", csrf="c5rf", person=Person("Ada Lovelace", "ada@example.com"), outbox=True)
AT_ORG: Final = replace(
    SIGNED_IN, path="/orgs/acme", org=Place("acme", "Acme"), projects=OTHERS, reads_audit=True, outbox=False
)
AT_PROJECT: Final = replace(AT_ORG, path="/orgs/acme/projects/shop", project=OTHERS[0])

HOME: Final = ("Acme", "/orgs/acme")
SHOP: Final = ("Web shop", "/orgs/acme/projects/shop")

ROLES: Final = (
    ("member", "Member", "reads events, and sees people and keys"),
    ("admin", "Admin", "also manages projects, keys and members, and reads the audit log"),
    ("owner", "Owner", "also makes and unmakes owners and admins"),
)

KEYS: Final = (
    projects.KeyRow(
        "3fQ9Zk2L", "checkout, production", "scry_ing_3fQ9Zk2L", "sending", NOW - 86_400 * 40, "Ada Lovelace",
        NOW - 3_600, None, True,
    ),
    projects.KeyRow(
        "b7Tn0QxE", "Grafana panel", "scry_qry_b7Tn0QxE", "asking", NOW - 86_400 * 9, "Grace Hopper", None,
        NOW + 86_400 * 81,
    ),
)  # fmt: skip

CONNECTED: Final = (
    assistants.ConnectionRow(
        path="/orgs/acme/projects/shop/connections/c1", client="Claude", proof="proven by claude.ai",
        back_to="claude.ai", project="Web shop", by="Ada Lovelace", made=NOW - 86_400 * 12, used=NOW - 600,
        ends=NOW + 86_400 * 78, limit=120, may_revoke=True,
    ),
    assistants.ConnectionRow(
        path="/orgs/acme/projects/shop/connections/c2", client="Claude Code", proof="",
        back_to="127.0.0.1:43117", project="Web shop", by="Grace Hopper", made=NOW - 86_400, used=None,
        ends=NOW + 86_400 * 89, limit=120, may_revoke=False,
    ),
)  # fmt: skip

QUESTION: Final = assistants.Consent(
    title="Claude asks to read Acme / Web shop",
    path="/oauth/authorize",
    question="c2VhbGVk",
    client="Claude",
    proof="proven by claude.ai",
    back_to="claude.ai",
    project="Acme / Web shop",
    until=NOW + 86_400 * 90,
)

AT_THIS_COMPUTER: Final = (
    "The answer goes to a program on this computer, and any program here can ask in this name. Allow it only if you "
    "started this yourself, just now."
)

SAMPLES: Final[Mapping[str, tuple[View, Shell]]] = {
    "landing": (
        start.Landing(
            curl=curl(URL, "scry_ing_…"),
            sign_up=True,
            promises=promises.first(),
            promised=promises.count(),
            prices=prices.table(),
        ),
        VISITOR,
    ),
    "promises": (start.Promises(groups=promises.groups()), VISITOR),
    "sign-up": (start.SignUp(open=True), VISITOR),
    "sign-up-wrong": (
        start.SignUp(
            open=True,
            form=Form(
                values={"name": "Ada", "email": "ada@example.com", "org_name": "Acme"},
                errors={"password": "This password is in every list of leaked ones. Take another."},
                message="One thing to mend below.",
            ),
        ),
        VISITOR,
    ),
    "sign-up-closed": (start.SignUp(open=False), VISITOR),
    "check-mail": (
        start.Told(
            title="Look into your mail",
            sentences=("We sent a link to ada@example.com. It works once, within the hour.",),
            links=(("Back to sign-in", "/sign-in"),),
        ),
        VISITOR,
    ),
    "sign-in": (start.SignIn(), VISITOR),
    "sign-in-wrong": (
        start.SignIn(
            form=Form(message="The e-mail address or the password is wrong.", values={"email": "a@example.com"})
        ),
        VISITOR,
    ),
    "second-factor": (start.SecondFactor(ticket="ticket"), VISITOR),
    "again": (start.Again(email="ada@example.com", second_factor=True, next="/account"), SIGNED_IN),
    "reset": (start.Reset(mailer=True), VISITOR),
    "reset-without-mail": (start.Reset(mailer=False), VISITOR),
    "new-password": (start.NewPassword(token=TOKEN), VISITOR),
    "confirm": (
        start.Confirm(
            title="Confirm your account",
            token=TOKEN,
            sentence="This makes your account and your organisation.",
            action="Make the account",
            password=True,
        ),
        VISITOR,
    ),
    "invitation": (
        start.Invitation(
            title="Join Acme",
            token=TOKEN,
            org="Acme",
            role="Admin",
            meaning=ROLES[1][2],
            inviter="Ada Lovelace",
            email="grace@example.com",
            mismatch=False,
            way_back="/invitation?token=token",
            may_register=True,
        ),
        VISITOR,
    ),
    "invitation-of-another": (
        start.Invitation(
            title="Join Acme",
            token=TOKEN,
            org="Acme",
            role="Admin",
            meaning=ROLES[1][2],
            inviter="Grace Hopper",
            email="grace@example.com",
            mismatch=True,
            way_back="/invitation?token=token",
        ),
        SIGNED_IN,
    ),
    "sign-out": (start.SignOut(), SIGNED_IN),
    "first-event": (
        start.FirstEvent(
            crumbs=(HOME, SHOP),
            here="/orgs/acme/projects/shop/first-event",
            project="/orgs/acme/projects/shop",
            keys="/orgs/acme/projects/shop/keys",
            key=KEY,
            examples=examples(URL, KEY),
            assistant=claude_code(MCP_URL),
            since=NOW,
            elapsed="14 seconds",
        ),
        AT_PROJECT,
    ),
    "first-event-rejected": (
        start.FirstEvent(
            crumbs=(HOME, SHOP),
            here="/orgs/acme/projects/shop/first-event",
            project="/orgs/acme/projects/shop",
            keys="/orgs/acme/projects/shop/keys",
            key="",
            examples=examples(URL, ""),
            assistant=claude_code(MCP_URL),
            since=NOW,
            elapsed="1 minute",
            rejected=(
                "Event 0 of a batch at 21:14:02: too_old, its timestamp lies 400 days back and the project keeps 30.",
            ),
        ),
        AT_PROJECT,
    ),
    "first-event-arrived": (
        start.FirstEvent(
            crumbs=(HOME, SHOP),
            here="/orgs/acme/projects/shop/first-event",
            project="/orgs/acme/projects/shop",
            keys="/orgs/acme/projects/shop/keys",
            key="",
            examples=examples(URL, ""),
            assistant=claude_code(MCP_URL),
            since=NOW,
            elapsed="23 seconds",
            event=start.Arrived("info", "shell", "hello from my machine", "23 Nov 2026, 21:16:04 UTC"),
        ),
        AT_PROJECT,
    ),
    "account": (
        people.Account(
            name=Form(values={"name": "Ada Lovelace"}),
            email_hint="We send a link there; the address changes when you open it.",
            second_factor=True,
            codes_left=7,
            sessions=(
                people.SessionRow("s1", "Firefox on Linux", "192.0.2.7", NOW - 3_000, True),
                people.SessionRow("s2", "Safari on iPhone", "2001:db8::17", NOW - 60_000, False),
            ),
            saved=saved("Your name is Ada Lovelace now."),
        ),
        SIGNED_IN,
    ),
    "factor-setup": (
        people.FactorSetup(
            secret=SEED,
            qr=qr_code(f"otpauth://totp/Scrywatch:ada@example.com?secret={SEED}&issuer=Scrywatch"),
        ),
        SIGNED_IN,
    ),
    "factor-code": (people.FactorCode(form=Form(errors={"code": "This code does not work."})), SIGNED_IN),
    "recovery-codes": (
        people.RecoveryCodes(
            codes=tuple(
                f"{word}-{word[::-1]}"
                for word in ("k7m2x", "p4q9w", "t3v8z", "b6n1r", "h5j2c", "d9f4g", "s7l3y", "w2e8u")
            )
        ),
        SIGNED_IN,
    ),
    "orgs": (
        people.Orgs(orgs=(people.OrgRow("acme", "Acme", "Owner"), people.OrgRow("lab", "Analytical lab", "Member"))),
        replace(SIGNED_IN, path="/orgs"),
    ),
    "org": (
        people.Org(
            title="Acme",
            crumbs=(("Organisations", "/orgs"),),
            here="/orgs/acme",
            may_create=True,
            projects=tuple(people.ProjectRow(each.slug, each.name, "30 days") for each in OTHERS),
        ),
        AT_ORG,
    ),
    "org-empty": (
        people.Org(
            title="Acme", crumbs=(("Organisations", "/orgs"),), here="/orgs/acme", may_create=False, projects=()
        ),
        replace(AT_ORG, projects=()),
    ),
    "org-settings": (
        people.OrgSettings(
            crumbs=(HOME,),
            here="/orgs/acme/settings",
            may_write=True,
            role="owner",
            may_leave=False,
            name=Form(values={"name": "Acme"}),
            heirs=(("b2", "Grace Hopper"),),
            second_factor=False,
            without_factor="2 of 3 members have none yet.",
        ),
        replace(AT_ORG, path="/orgs/acme/settings"),
    ),
    "members": (
        people.Members(
            crumbs=(HOME,),
            here="/orgs/acme/members",
            invitations_at="/orgs/acme/invitations",
            may_write=True,
            members=(
                people.MemberRow("a1", "Ada Lovelace", "ada@example.com", "Owner", True, NOW - 86_400 * 200, True),
                people.MemberRow("b2", "Grace Hopper", "grace@example.com", "Admin", True, NOW - 86_400 * 90, False),
                people.MemberRow("c3", "Alan Turing", "alan@example.com", "Member", False, NOW - 86_400 * 3, False),
            ),
            invitations=(
                people.InvitationRow("i1", "katherine@example.com", "Member", "Grace Hopper", NOW + 86_400 * 5),
            ),
            roles=ROLES[:2],
            how="We send a link that works once, for seven days.",
        ),
        replace(AT_ORG, path="/orgs/acme/members"),
    ),
    "members-link": (
        people.Members(
            crumbs=(HOME,),
            here="/orgs/acme/members",
            invitations_at="/orgs/acme/invitations",
            may_write=True,
            members=(
                people.MemberRow("a1", "Ada Lovelace", "ada@example.com", "Owner", True, NOW - 86_400 * 200, True),
            ),
            invitations=(),
            roles=ROLES,
            how="You get a link that works once, for seven days.",
            link=f"{URL}/invitation?token=eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiI0ZmMxIn0.N3bq0sXoT4bVq7Yw1NcR5eJmA8hUgK6d",
            saved=saved("katherine@example.com is invited as Member."),
        ),
        replace(AT_ORG, path="/orgs/acme/members"),
    ),
    "member": (
        people.Member(
            title="Grace Hopper",
            crumbs=(HOME, ("People", "/orgs/acme/members")),
            here="/orgs/acme/members/b2",
            email="grace@example.com",
            role="Admin",
            since=NOW - 86_400 * 90,
            second_factor=True,
            roles=ROLES,
            ends=(
                "2 query keys that Grace made end: “Grafana panel” in Web shop, “nightly report” in Billing.",
                "1 ingest key that Grace made goes on, as yours: “checkout, production” in Web shop.",
                "1 invitation that Grace sent ends.",
                "Grace stays signed in elsewhere, and sees nothing of Acme there.",
            ),
            form=Form(values={"role": "admin"}),
        ),
        AT_ORG,
    ),
    "audit": (
        people.AuditLog(
            crumbs=(HOME,),
            here="/orgs/acme/audit",
            actors=(("", "Everybody"), ("a1", "Ada Lovelace")),
            actions=(("", "Every action"), ("key", "Keys"), ("member", "Members")),
            form=Form(),
            entries=(
                people.EntryRow(
                    NOW - 60, "Ada Lovelace", "member.role", "Grace Hopper", (("role", "member", "admin"),)
                ),
                people.EntryRow(NOW - 4_000, "Grace Hopper", "key.create", "Grafana panel", (("kind", "", "query"),)),
                people.EntryRow(
                    NOW - 90_000,
                    "operator",
                    "project.edit",
                    "Web shop",
                    (("retention_days", "14", "30"), ("name", "Shop", "Web shop")),
                ),
            ),
            next="cursor=abc",
        ),
        replace(AT_ORG, path="/orgs/acme/audit"),
    ),
    **{name: (view, replace(AT_PROJECT, path=view.here)) for name, view in preview_events.PAGES.items()},
    "keys": (
        projects.Keys(
            crumbs=(HOME, SHOP),
            here="/orgs/acme/projects/shop/keys",
            keys=KEYS,
            may_write=True,
            kinds=(
                ("ingest", "Ingest", "sends events and reads nothing: for applications, browsers and devices"),
                ("query", "Query", "reads events and sends nothing: for programs that ask"),
            ),
            lifetimes=(("", "Never"), ("30", "After 30 days"), ("90", "After 90 days"), ("365", "After a year")),
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/keys"),
    ),
    "key-made": (
        projects.KeyMade(
            crumbs=(HOME, SHOP, ("Keys", "/orgs/acme/projects/shop/keys")),
            here="/orgs/acme/projects/shop/keys",
            label="checkout, production",
            use="sending",
            key=KEY,
            curl=curl(URL, KEY),
            sentence="The old key works until 24 Nov 2026, 21:16 UTC.",
        ),
        AT_PROJECT,
    ),
    "key": (
        projects.Key(
            title="checkout, production",
            crumbs=(HOME, SHOP, ("Keys", "/orgs/acme/projects/shop/keys")),
            here="/orgs/acme/projects/shop/keys/3fQ9Zk2L",
            key=KEYS[0],
            may_write=True,
            overlaps=(("1", "hour"), ("24", "day"), ("168", "week")),
            breaks="Whatever sends with it is refused from the next request on: it was last used on 23 Nov, 20:16.",
        ),
        AT_PROJECT,
    ),
    "consent": (QUESTION, replace(SIGNED_IN, path="/oauth/authorize")),
    "consent-choice": (
        replace(
            QUESTION,
            title="Claude Code asks to read one of your projects",
            client="Claude Code",
            proof="",
            back_to="127.0.0.1:43117",
            warning=AT_THIS_COMPUTER,
            project="",
            choices=(("a.b", "Web shop", "Acme"), ("a.c", "Billing", "Acme"), ("d.e", "Engine", "Analytical lab")),
            left_out="Not among them: projects of Bletchley, which requires a second factor.",
            form=Form(errors={"project": "Choose the project that it may read."}),
        ),
        replace(SIGNED_IN, path="/oauth/authorize"),
    ),
    "handed-back": (
        assistants.HandedBack(
            title="Nothing was given",
            client="127.0.0.1:43117",
            detail="the only scope is events:read",
            url="http://127.0.0.1:43117/callback?error=invalid_scope",
        ),
        replace(SIGNED_IN, path="/oauth/authorize"),
    ),
    "connections": (
        assistants.Connections(
            crumbs=(HOME, SHOP),
            url=MCP_URL,
            local=False,
            ways=ways(MCP_URL),
            keys="/orgs/acme/projects/shop/keys",
            connections=CONNECTED,
            saved=saved("The connection ended: the app’s next call is refused."),
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/connections"),
    ),
    "connections-empty": (
        assistants.Connections(
            crumbs=(HOME, SHOP),
            url="http://127.0.0.1:8000/mcp/acme/shop",
            local=True,
            ways=ways("http://127.0.0.1:8000/mcp/acme/shop"),
            keys="/orgs/acme/projects/shop/keys",
            connections=(),
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/connections"),
    ),
    "connection": (
        assistants.Connection(
            title="Claude",
            crumbs=(HOME, SHOP, ("Connections", "/orgs/acme/projects/shop/connections")),
            here=CONNECTED[0].path,
            connection=CONNECTED[0],
            calls=(
                assistants.CallRow(NOW * 1000 - 600_000, "search_events", "ok", 50, 84),
                assistants.CallRow(NOW * 1000 - 604_000, "project_overview", "ok", 12, 31),
                assistants.CallRow(NOW * 1000 - 90_000_000, "tools/list", "error", 0, 2),
            ),
            may_limit=True,
            form=Form(values={"limit": "120"}),
        ),
        AT_PROJECT,
    ),
    "connection-unused": (
        assistants.Connection(
            title="Claude Code",
            crumbs=(HOME, SHOP, ("Connections", "/orgs/acme/projects/shop/connections")),
            here=CONNECTED[1].path,
            connection=CONNECTED[1],
            calls=(),
            may_limit=False,
        ),
        AT_PROJECT,
    ),
    "own-connections": (
        assistants.OwnConnections(connections=CONNECTED[:1]),
        replace(SIGNED_IN, path="/account/connections"),
    ),
    "own-connections-empty": (
        assistants.OwnConnections(connections=()),
        replace(SIGNED_IN, path="/account/connections"),
    ),
    "settings": (
        projects.ProjectSettings(
            crumbs=(HOME, SHOP),
            here="/orgs/acme/projects/shop/settings",
            may_write=True,
            name=Form(values={"name": "Web shop", "slug": "shop"}),
            kept="Events are kept for 30 days: what happened before 24 Oct 2026 is gone.",
        ),
        replace(AT_PROJECT, path="/orgs/acme/projects/shop/settings"),
    ),
    "outbox": (
        people.Outbox(
            mails=(
                people.Letter(
                    "grace@example.com",
                    "Ada Lovelace invites you to Acme",
                    f"Open this link within seven days:\n\n{URL}/invitation?token=eyJhbGciOiJIUzI1NiJ9.e30.N\n\nIf it "
                    "was not meant for you, do nothing.\n",
                    NOW - 60,
                ),
            )
        ),
        replace(SIGNED_IN, path="/outbox"),
    ),
    "404": (
        Refusal(
            title="Nothing is here",
            status=404,
            detail="There is nothing at this address, or nothing for you.",
            request_id="6f1c0d1e-7a40-4f4e",
            links=(("Your organisations", "/orgs"),),
        ),
        SIGNED_IN,
    ),
    "429": (
        Refusal(
            title="Too many tries",
            status=429,
            detail="Wait 40 seconds, then try again.",
            request_id="6f1c0d1e-7a40-4f4e",
        ),
        VISITOR,
    ),
}


def write(folder: Path) -> None:
    """Writes every sample, and the files that pages refer to, below the folder."""
    for name, (view, shell) in SAMPLES.items():
        (folder / f"{name}.html").write_bytes(document(view, shell))
    for file in static_files().values():
        place = folder / "static" / file.digest
        place.mkdir(parents=True, exist_ok=True)
        (place / file.name).write_bytes(file.content)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    write(target)
