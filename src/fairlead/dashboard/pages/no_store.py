"""No store: what a page says where no traffic is kept, or none has come yet, and how to change that."""

from fairlead.dashboard.ask import Ask, Shown
from fairlead.dashboard.elements import Markup, element


def no_store(title: str, ask: Ask) -> Shown:
    """The page in place of figures."""
    why = ask.sources.why_no_store or "This server keeps no traffic."
    return Shown(
        title,
        element(
            "section",
            element("p", why),
            element("p", "Keep it in a file with these lines in ", element("code", "fairlead.yaml"), ", then restart:"),
            element("pre", "store:\n  enabled: true\n  path: ~/.local/share/fairlead/traffic.db\n"),
            class_="empty",
        ),
    )


def nothing_found(what: str, mend: str) -> Markup:
    """The part of a page that would hold rows, where none fits."""
    return element("section", element("p", what), element("p", mend, class_="soft"), class_="empty")


def nothing_yet() -> Markup:
    """The part of a page that would hold figures, where there are none."""
    return element(
        "section",
        element("p", "No request has come in this time."),
        element("p", "Point a client here, ask for the model ", element("code", "auto"), ", or look further back."),
        class_="empty",
    )  # fmt: skip
