"""How another machine asks for an evaluation: from the configuration's text and that machine's own environment.

No credential travels: each node has its keys itself.
"""

import os
import time
from collections.abc import Awaitable, Callable
from functools import partial

from fairlead.assembly.services import assemble
from fairlead.evaluation.running.answers import Ask
from fairlead.evaluation.running.asking import ask_through
from fairlead.settings.settings import parse


def asker_for_nodes(config_text: str, *, is_demo: bool) -> Callable[[], Awaitable[Ask]]:
    """What a node calls to make its port; can be pickled."""
    return partial(ask_here, config_text, is_demo=is_demo)


async def ask_here(config_text: str, *, is_demo: bool) -> Ask:
    """The port on this machine. Raises: ConfigError."""
    settings = parse(config_text, os.environ)
    assembly = await assemble(settings, os.environ, is_demo=is_demo)
    return ask_through(assembly.endpoints, time.perf_counter, settings.limits.deadline_s, time.time)
