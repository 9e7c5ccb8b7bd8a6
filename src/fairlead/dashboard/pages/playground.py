"""Playground: a prompt, the decision before it is sent, up to four models side by side, and a vote."""

from typing import Final

from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import Markup, element, text
from fairlead.dashboard.knowledge import Knowledge
from fairlead.dashboard.pages.no_knowledge import no_knowledge

LANES: Final = 4
MOST_PROMPT_CHARS: Final = 100_000
"""More is for a client; it stays below what a page may send."""
USUAL_MOST_TOKENS: Final = 2_048
"""Enough for an answer to look at; without a bound a slip of the hand could cost a novel of the dearest model."""
_BEGIN: Final = ("auto", "auto:cost", "", "")


def playground(ask: Ask) -> Shown:
    """GET /ui/playground."""
    known = ask.sources.knowledge
    if known is None:
        return no_knowledge("Playground")
    may_chat, may_vote = "chat" in ask.visitor.may, "feedback" in ask.visitor.may
    return Shown(
        "Playground",
        text(
            None if may_chat else _cannot("Your key may not run models: it lacks the permission 'chat'."),
            element("noscript", element("p", "Running models from a page needs JavaScript.")),
            _form(ask, known, may_chat=may_chat),
            element("p", "", id="play-status", class_="status", role="status"),
            element("section", id="play-decision", class_="decision", aria_label="Decision"),
            element("div", [_lane(place, may_vote=may_vote) for place in range(LANES)], class_="lanes"),
            None if may_vote else _cannot("Votes need the permission 'feedback', which your key lacks."),
        ),
        scripts=("playground.js",),
    )


def _cannot(words: str) -> Markup:
    return element("p", words, class_="notice")


def _form(ask: Ask, known: Knowledge, *, may_chat: bool) -> Markup:
    return element(
        "form",
        element("label", "Prompt", for_="prompt"),
        element(
            "textarea",
            id="prompt",
            name="prompt",
            rows=5,
            maxlength=MOST_PROMPT_CHARS,
            spellcheck="true",
            required=True,
        ),
        element(
            "details",
            element("summary", "System prompt and limits"),
            element("label", "System prompt", for_="system"),
            element("textarea", id="system", name="system", rows=2, maxlength=MOST_PROMPT_CHARS),
            element("label", "Most tokens of each answer", for_="max_tokens"),
            element(
                "input", id="max_tokens", name="max_tokens", type="number", min=1, max=200_000, value=USUAL_MOST_TOKENS
            ),
        ),
        element(
            "fieldset",
            element("legend", "Models: up to four, side by side"),
            element("datalist", [element("option", value=name) for name in _names(known)], id="model-names"),
            [_model_field(place) for place in range(LANES)],
            class_="models",
        ),
        element(
            "div",
            element("button", "Run", type="submit", data_do="run", disabled=not may_chat),
            element(
                "button", "See the decision", type="button", data_do="decide", class_="quiet", disabled=not may_chat
            ),
            element("button", "Stop", type="button", data_do="stop", class_="quiet", disabled=True),
            class_="buttons",
        ),
        element("p", _whose(ask), class_="soft"),
        id="playground",
        class_="card",
        data_may="yes" if may_chat else "no",
        autocomplete="off",
    )


def _whose(ask: Ask) -> str:
    real = (
        "The models are simulated: nothing is paid. "
        if ask.sources.is_demo
        else "Each run is a real request and costs what it costs. "
    )
    whose = f"of the tenant '{ask.visitor.own_tenant}'" if ask.visitor.is_open else f"of the key '{ask.visitor.name}'"
    return f"{real}It counts as traffic {whose}, with the same rights and limits as over /v1."


def _names(known: Knowledge) -> list[str]:
    virtual = ["auto", *(f"auto:{name}" for name in known.presets)]
    models = dict.fromkeys(str(spec.arm.model) for spec in known.pool.specs if spec.card.purpose == "chat")
    return [*virtual, *models]


def _model_field(place: int) -> Markup:
    return element(
        "div",
        element("label", f"Model {place + 1}", for_=f"model{place}"),
        element(
            "input",
            id=f"model{place}",
            name=f"model{place}",
            list="model-names",
            value=_BEGIN[place],
            maxlength=300,
            placeholder="none",
            spellcheck="false",
            autocapitalize="none",
            autocomplete="off",
        ),
        class_="field",
    )


def _lane(place: int, *, may_vote: bool) -> Markup:
    votes = [
        element(
            "button", word, type="button", class_="quiet", data_vote=vote, aria_pressed="false", hidden=vote == "best"
        )
        for vote, word in (("good", "Good"), ("bad", "Bad"), ("best", "Best of these"))
    ]
    return element(
        "article",
        element("h2", f"Model {place + 1}", data_part="name"),
        element("p", "", data_part="note", class_="note"),
        element(
            "details",
            element("summary", "Thoughts"),
            element("div", data_part="thoughts", class_="said thoughts", tabindex="0"),
            data_part="thinking",
            hidden=True,
        ),
        element(
            "div", data_part="answer", class_="said", tabindex="0", role="region", aria_label=f"Answer {place + 1}"
        ),
        element("p", "", data_part="facts", class_="soft"),
        element("div", votes if may_vote else None, data_part="votes", class_="buttons", hidden=True),
        class_="lane card",
        data_lane=str(place),
        hidden=True,
    )


PLAYGROUND: Final = (Page("/ui/playground", playground, "Playground"),)
