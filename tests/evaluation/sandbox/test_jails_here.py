"""A jail that breaks is no reason to skip its tests where the kernel would make it."""

import pytest

from fairlead.evaluation.sandbox.jails import Jail
from tests.evaluation.sandbox.jails_here import confined

BROKEN = Jail("namespaces", lambda _limits, _n_bytes, _number: ["false"])


def test_a_broken_jail_fails_where_the_kernel_allows_one() -> None:
    with pytest.raises(pytest.fail.Exception, match="the jail is refused"):
        confined("namespaces", [BROKEN], lambda _name: True)


def test_a_jail_that_the_kernel_does_not_allow_is_skipped() -> None:
    with pytest.raises(pytest.skip.Exception, match="no jail by namespaces"):
        confined("namespaces", [BROKEN], lambda _name: False)
