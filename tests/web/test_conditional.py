"""Changes that happen only to what was seen."""

import pytest

from chalicelib.web.conditional import check_if_match, etag
from chalicelib.web.problems import ChangedMeanwhile
from tests.web.requests import request

SEEN = {"name": "a", "days": 30}


@pytest.mark.parametrize("named", [None, "*", etag(SEEN), f'"other", {etag(SEEN)}'])
def test_the_state_that_was_seen_may_be_changed(named: str | None) -> None:
    check_if_match(request(**({} if named is None else {"if_match": named})), SEEN)


@pytest.mark.parametrize("named", ['""', "", f"W/{etag(SEEN)}", etag(SEEN).strip('"'), etag(SEEN | {"days": 31})])
def test_another_state_may_not(named: str) -> None:
    with pytest.raises(ChangedMeanwhile):
        check_if_match(request(if_match=named), SEEN)


def test_the_same_state_has_the_same_tag_however_it_was_put_together() -> None:
    assert etag(SEEN) == etag(dict(reversed(SEEN.items())))
