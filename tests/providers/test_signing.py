"""A request signed by us is signed as botocore signs it, byte for byte."""

from datetime import UTC, datetime
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.secrets import Secret
from fairlead.providers.signing import Identity, ToSign, sign

HOST = "bedrock-runtime.eu-west-1.amazonaws.com"
KEY_ID = "AKIDEXAMPLE"
SECRET = "canary/wJalrXUtnFEMI+bPxRfiCYEXAMPLEKEY"


def identity(token: str | None = None) -> Identity:
    return Identity(KEY_ID, Secret(SECRET), None if token is None else Secret(token), "eu-west-1", "bedrock")


def by_botocore(request: ToSign, token: str | None) -> tuple[dict[str, str], float]:
    """Its headers, and the time at which it signed."""
    headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
    theirs = AWSRequest(request.method, f"https://{HOST}{request.target}", headers, request.body)
    SigV4Auth(Credentials(KEY_ID, SECRET, token), "bedrock", "eu-west-1").add_auth(theirs)
    stamp = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return {name.lower(): value for name, value in theirs.headers.items()}, stamp.timestamp()


segments = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=20) | st.sampled_from(
    ["amazon.nova-lite-v1:0", "arn:aws:bedrock:eu-west-1:1:inference-profile/a.b", "..", ".", "a b", "~-._"]
)
paths = st.lists(segments.map(lambda each: quote(each, safe="~")), max_size=4).map(lambda each: "/" + "/".join(each))
queries = st.lists(
    st.tuples(st.sampled_from(["alt", "b", "api-version"]), st.sampled_from(["sse", "1", ""])).map("=".join), max_size=3
).map("&".join)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)
headers = st.dictionaries(st.sampled_from(["content-type", "accept", "x-request-id", "user-agent", "x-a"]), values)


@given(
    paths, queries, headers, st.binary(max_size=60), st.none() | st.from_regex(r"[A-Za-z0-9+/=]{1,40}", fullmatch=True)
)
def test_the_signature_is_botocores(
    path: str, query: str, given_headers: dict[str, str], body: bytes, token: str | None
) -> None:
    pairs = ((b"host", HOST.encode()), *((name.encode(), value.encode()) for name, value in given_headers.items()))
    request = ToSign("POST", f"{path}?{query}" if query else path, pairs, body)
    theirs, at = by_botocore(request, token)
    ours = {name.decode(): value.decode() for name, value in sign(request, identity(token), at)}
    assert ours == {name: theirs[name] for name in ours}
    assert ("x-amz-security-token" in ours) == (token is not None)


def test_the_time_is_the_callers() -> None:
    request = ToSign("POST", "/model/a/converse", ((b"host", HOST.encode()),), b"{}")
    (_, stamp), (_, signature) = sign(request, identity(), 0.0)
    assert stamp == b"19700101T000000Z"
    assert b"Credential=AKIDEXAMPLE/19700101/eu-west-1/bedrock/aws4_request" in signature
    assert sign(request, identity(), 0.9) == sign(request, identity(), 0.0) != sign(request, identity(), 1.0)


def test_an_identity_shows_no_secret() -> None:
    assert "canary" not in repr(identity("canary"))
