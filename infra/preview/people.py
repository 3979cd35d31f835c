"""Sample pages of accounts, organisations and members."""

from typing import Final

from msgspec.structs import replace

from chalicelib.routes.pages.qr import qr_code
from chalicelib.routes.pages.views import people
from chalicelib.routes.pages.views.forms import Form, saved
from infra.preview.frames import AT_ORG, HOME, NOW, OTHERS, ROLES, SIGNED_IN, URL, Samples

SEED: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

SAMPLES: Final[Samples] = {
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
        people.Orgs(
            orgs=(
                people.OrgRow(
                    "acme",
                    "Acme",
                    "Owner",
                    (people.ProjectName("shop", "Web shop"), people.ProjectName("api", "API")),
                    3,
                ),
                people.OrgRow("lab", "Analytical lab", "Member"),
            )
        ),
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
            may_delete=True,
            name=Form(values={"name": "Acme", "slug": "acme"}),
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
    "own-log": (
        people.OwnLog(
            here="/account/log",
            entries=(
                people.EntryRow(
                    NOW - 60, "you", "Signed in", "", (("second factor", "", "yes"), ("source", "", "2001:db8::17"))
                ),
                people.EntryRow(
                    NOW - 4_000,
                    "you",
                    "The address of the account changed",
                    "",
                    (("email", "a…@example.com", "l…@example.com"),),
                ),
                people.EntryRow(NOW - 90_000, "the operator", "The second factor was turned off", "", ()),
            ),
            next="cursor=abc",
        ),
        replace(SIGNED_IN, path="/account/log"),
    ),
    "own-log-end": (people.OwnLog(here="/account/log", entries=()), replace(SIGNED_IN, path="/account/log")),
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
}
