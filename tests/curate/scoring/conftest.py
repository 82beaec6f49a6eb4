"""The command line, as the tests of seedbed/ run it."""

from tests.seedbed.conftest import seedbed as seedbed
