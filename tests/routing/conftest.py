"""What tests of native code share."""

import pytest

from fairlead.evaluation.native_code import Library
from tests.native_library import native_library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Our native code, compiled here and now: a stale library would prove nothing."""
    return native_library(tmp_path_factory.mktemp("native"))
