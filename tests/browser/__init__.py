import pytest

# Their asserts say what they found, as those of test files do.
pytest.register_assert_rewrite("tests.browser.judging", "tests.browser.person")
