"""Sample pages of those who are not signed in, of a first event, and of refusals."""

from typing import Final

from msgspec.structs import replace

from chalicelib.routes.pages import prices, promises
from chalicelib.routes.pages.assistants import claude_code
from chalicelib.routes.pages.examples import curl, examples
from chalicelib.routes.pages.views import start
from chalicelib.routes.pages.views.forms import Form
from chalicelib.web.templates import Refusal
from infra.preview.frames import AT_PROJECT, HOME, KEY, MCP_URL, NOW, ROLES, SHOP, SIGNED_IN, URL, VISITOR, Samples

TOKEN: Final = "sample"

WAITING: Final = start.FirstEvent(
    crumbs=(HOME, SHOP),
    here="/orgs/acme/projects/shop/first-event",
    project="/orgs/acme/projects/shop",
    keys="/orgs/acme/projects/shop/keys",
    key="",
    examples=examples(URL, ""),
    assistant=claude_code(MCP_URL),
    since=NOW,
    elapsed="23 seconds",
)

SAMPLES: Final[Samples] = {
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
    "first-event": (replace(WAITING, key=KEY, examples=examples(URL, KEY), elapsed="14 seconds"), AT_PROJECT),
    "first-event-rejected": (
        replace(
            WAITING,
            elapsed="1 minute",
            rejected=(
                "Event 0 of a batch at 21:14:02: too_old, its timestamp lies 400 days back and the project keeps 30.",
            ),
        ),
        AT_PROJECT,
    ),
    "first-event-arrived": (
        replace(WAITING, event=start.Arrived("info", "shell", "hello from my machine", "23 Nov 2026, 21:16:04 UTC")),
        AT_PROJECT,
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
