"""No knowledge: what a page of models says where nothing is configured."""

from fairlead.dashboard.ask import Shown
from fairlead.dashboard.elements import element


def no_knowledge(title: str) -> Shown:
    """The page in place of figures."""
    return Shown(
        title,
        element(
            "section",
            element("p", "This server was started without its models: there is nothing to show here."),
            element("p", "Run ", element("code", "fairlead doctor"), " to see which providers are found."),
            class_="empty",
        ),
    )
