"""Which worker runs which test."""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/browser/", "tests/clients/", "tests/conformance/", "tests/deploy/", "tests/campaign/")
"""Where the tests of a file share what takes seconds to set up: a product that runs, a browser, a bundle."""


class TogetherWhereItIsShared(LoadScopeScheduling):
    """The files of some folders as a whole, the largest first; then every other test wherever there is room.

    (`--dist loadgroup` of pytest-xdist 3.8 does nothing with pytest 9.2, which has no `_nodeid` any more.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(TOGETHER) else nodeid
