"""Sample pages of what is deleted for good."""

from typing import Final

from msgspec.structs import replace

from chalicelib.routes.pages.views import start
from chalicelib.routes.pages.views.deletions import Delete, Deletions, Done, Running
from chalicelib.routes.pages.views.forms import Form, saved
from infra.preview.frames import AT_ORG, AT_PROJECT, HOME, NOW, SHOP, SIGNED_IN, VISITOR, Samples

COPIES: Final = "Copies of the tables of accounts, for the case that one is lost, forget it after 7 days."
SETTINGS: Final = "/orgs/acme/projects/shop/settings"

SAMPLES: Final[Samples] = {
    "delete-project": (
        Delete(
            title="Delete Web shop",
            crumbs=(HOME, SHOP, ("Settings", SETTINGS)),
            here=f"{SETTINGS}/delete",
            name="Web shop",
            typed="the name of the project",
            facts=(
                ("Events", "1,204,310 events, with their patterns, deploys and counts"),
                ("Keys", "3 keys"),
                ("Connections", "2 apps"),
                ("Saved views", "7 views, of all members"),
            ),
            ends=(
                "At once it is on no page and in no answer: search, patterns, exports, assistants.",
                "Its keys and connections end with the next request.",
                "Then it is erased for good. Nothing brings it back.",
            ),
            stays=("Its address, “shop”, which no other project here gets.", COPIES),
            first=(("Export its events first", "/orgs/acme/projects/shop/explore"),),
            version=3,
        ),
        replace(AT_PROJECT, path=f"{SETTINGS}/delete"),
    ),
    "delete-project-wrong": (
        Delete(
            title="Delete Web shop",
            crumbs=(HOME, SHOP, ("Settings", SETTINGS)),
            here=f"{SETTINGS}/delete",
            name="Web shop",
            typed="the name of the project",
            facts=(("Events", "12 events, with their patterns, deploys and counts"),),
            ends=("Then it is erased for good. Nothing brings it back.",),
            stays=(COPIES,),
            version=3,
            form=Form(errors={"name": "That is not Web shop. Nothing was deleted."}),
        ),
        replace(AT_PROJECT, path=f"{SETTINGS}/delete"),
    ),
    "delete-account-refused": (
        Delete(
            title="Delete your account",
            crumbs=(("Your account", "/account"),),
            here="/account/delete",
            name="ada@example.com",
            typed="your e-mail address",
            facts=(("Account", "Ada Lovelace, ada@example.com"), ("Memberships", "1 organisation: Acme")),
            ends=("At once you are signed out everywhere, and nothing signs in with it any more.",),
            stays=("In their audit logs, a number in place of your name.", COPIES),
            first=(
                ("Make somebody else an owner of Acme", "/orgs/acme/members"),
                ("Or delete Acme", "/orgs/acme/settings/delete"),
            ),
            refusal="You are the only owner of Acme. Delete it, or make somebody else an owner, first.",
        ),
        replace(SIGNED_IN, path="/account/delete"),
    ),
    "deletions": (
        Deletions(
            crumbs=(HOME,),
            running=(
                Running("Project Web shop", NOW - 300, "Ada Lovelace", 1, "4,310 blocks, 3 keys", NOW + 600),
            ),
            done=(
                Done(
                    "Project 5f0c1d2e3a4b5c6d", NOW - 90_000, NOW - 88_900, "somebody who left", 4,
                    "12 connections, 310 blocks, 2 keys",
                ),
            ),
            saved=saved("The project is deleted, and is being erased."),
        ),
        replace(AT_ORG, path="/orgs/acme/deletions"),
    ),
    "deletions-none": (
        Deletions(crumbs=(HOME,), running=(), done=()),
        replace(AT_ORG, path="/orgs/acme/deletions"),
    ),
    "deleted": (
        start.Told(
            title="Your account is deleted",
            sentences=("You are signed out everywhere, and nothing signs in with it any more.",),
            links=(("The first page", "/"),),
        ),
        VISITOR,
    ),
}  # fmt: skip
