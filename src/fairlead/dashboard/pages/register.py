"""Register: every page of the dashboard, in the order of the menu. A page is added here and nowhere else."""

from typing import Final

from fairlead.dashboard.ask import Page
from fairlead.dashboard.pages.decision_list import DECISIONS
from fairlead.dashboard.pages.decision_page import DECISION
from fairlead.dashboard.pages.feedback_list import FEEDBACK
from fairlead.dashboard.pages.health import HEALTH
from fairlead.dashboard.pages.models import MODELS
from fairlead.dashboard.pages.overview import OVERVIEW
from fairlead.dashboard.pages.playground import PLAYGROUND
from fairlead.dashboard.pages.policy import POLICY

PAGES: Final[tuple[Page, ...]] = (
    *OVERVIEW, *DECISIONS, *DECISION, *FEEDBACK, *MODELS, *PLAYGROUND, *POLICY, *HEALTH,
)  # fmt: skip
