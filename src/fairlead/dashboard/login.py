"""Login: the form that takes a key, and the token that goes into every form."""

from fairlead.dashboard.elements import Markup, element
from fairlead.dashboard.incoming import TOKEN_FIELD


def login_form(form_token: str, why: str, onward: str) -> Markup:
    """The form; `why` the last try failed, if it did; `onward` is where to go then."""
    return element(
        "form",
        element("p", "Enter a key of this server that may read its traffic."),
        element("p", element("code", "fairlead keys new NAME --may read"), " makes one.", class_="soft"),
        element("p", why, class_="fault", role="alert") if why else None,
        # A password form without a name is grumbled at by browsers, and badly kept by those that keep passwords.
        element("input", name="username", value="fairlead", autocomplete="username", aria_label="Name", hidden=True),
        element("label", "Key", for_="key"),
        element(
            "input", id="key", name="key", type="password", autocomplete="current-password", required=True,
            autofocus=True, spellcheck="false", maxlength=512,
        ),
        token_field(form_token),
        element("input", type="hidden", name="next", value=onward) if onward else None,
        element("button", "Log in", type="submit"),
        method="post",
        action="/ui/login",
        class_="login card",
    )  # fmt: skip


def token_field(form_token: str) -> Markup:
    """Belongs into every form that is posted."""
    return element("input", type="hidden", name=TOKEN_FIELD, value=form_token)
