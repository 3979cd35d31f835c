"""What the exceptions of accounts and organisations are to somebody who looks at a page."""

from typing import Final

from chalicelib.routes.account_problems import ACCOUNT_PROBLEMS
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.storage.cursors import CursorRefused
from chalicelib.web.problems import Problem, Problems, Told

PAGE_PROBLEMS: Final[Problems] = {
    **ACCOUNT_PROBLEMS,
    **TENANT_PROBLEMS,
    CursorRefused: Problem(
        400, "cursor", "The address leads to no page of this list", lambda _: Told("Begin again with its first page.")
    ),
}
