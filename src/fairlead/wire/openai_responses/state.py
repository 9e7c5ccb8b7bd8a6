"""State of a conversation that is told by ids: which replies and items a request refers to, and what stands for them.

By default clients of this format have their replies kept (`store`), and then send ids in the place of what was said:
`previous_response_id`, or an `item_reference` for each item (the Vercel AI SDK's tool loop).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from fairlead.domain.envelope import MARK, unseal
from fairlead.wire.format import Made, References
from fairlead.wire.lane import Members
from fairlead.wire.openai_responses.member_reading import read_member
from fairlead.wire.sse import data_of

_OURS: Final = ("resp_fl-", "msg_fl-", "rs_fl-", "fc_fl-", "ctc_fl-")
"""How the ids begin that our own writers give: ids of other servers never have a decision's id in them."""
_LAST_EVENTS: Final = (b'"response.completed"', b'"response.incomplete"')


class _Item(msgspec.Struct):
    type: str | None = None
    role: str | None = None
    id: str | None = None
    encrypted_content: str | None = None


class _Reply(msgspec.Struct):
    id: str | None = None
    store: bool | None = None
    output: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str = ""
    response: _Reply | None = None


_ITEM: Final = msgspec.json.Decoder(_Item)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT_OR_ITEMS: Final = msgspec.json.Decoder(str | list[msgspec.Raw])
_STRING: Final = msgspec.json.Decoder(str)
_REPLY: Final = msgspec.json.Decoder(_Reply)
_EVENT: Final = msgspec.json.Decoder(_Event)
_ENCODE: Final = msgspec.json.Encoder().encode


def is_ours(name: str) -> bool:
    """Whether this id is one that our own writers give."""
    return name.startswith(_OURS)


def wants_kept(members: Members) -> bool:
    """Whether the client may refer to the reply later: `store` is true unless it says false."""
    return bytes(members.get("store", b"")) != b"false"


def references(members: Members) -> References | None:
    """The replies and items that the request refers to by id; None when it says all itself."""
    previous = members.get("previous_response_id", b"")
    name = read_member(previous, _STRING, "previous_response_id") if bytes(previous)[:1] == b'"' else None
    told = members.get("input", b"")
    items: list[str] = []
    if bytes(told)[:1] == b"[":
        for raw in read_member(told, _ITEMS, "input"):
            item = read_member(raw, _ITEM, "input")
            if item.id is not None and _refers(item):
                items.append(item.id)
    return References(name or None, tuple(items)) if name or items else None


def said(members: Members) -> bytes:
    """The request's own items: JSON values joined by commas."""
    told = members.get("input", b"")
    if bytes(told) in (b"", b"null"):
        return b""
    read = read_member(told, _TEXT_OR_ITEMS, "input")
    if isinstance(read, str):
        return _ENCODE({"type": "message", "role": "user", "content": read})
    return b",".join([bytes(raw) for raw in read])


def gone_on_from(members: Members, before: bytes) -> Members:
    """The members with all that was said before in the place of `previous_response_id`."""
    changed = {name: value for name, value in members.items() if name != "previous_response_id"}
    changed["input"] = _list([before, said(members)])
    return changed


def with_items(members: Members, known: Mapping[str, bytes]) -> Members:
    """The members with these items in the place of references to them."""
    items: list[bytes] = []
    for raw in read_member(members["input"], _ITEMS, "input"):
        item = read_member(raw, _ITEM, "input")
        items.append(known.get(item.id, bytes(raw)) if item.id is not None and _refers(item) else bytes(raw))
    return members | {"input": _list(items)}


def without_foreign(members: Members) -> Members:
    """The members without thoughts in envelopes, which are other makers': OpenAI refuses what it cannot read."""
    told = bytes(members.get("input", b""))
    if told[:1] != b"[" or MARK.encode() not in told:
        return members
    items = [bytes(raw) for raw in read_member(told, _ITEMS, "input") if not _is_foreign(raw)]
    return members | {"input": _list(items)}


def _is_foreign(raw: msgspec.Raw) -> bool:
    try:
        item = _ITEM.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return (
        item.type == "reasoning" and item.encrypted_content is not None and unseal(item.encrypted_content) is not None
    )


def _list(items: list[bytes]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join([item for item in items if item]) + b"]")


def read_made(said: bytes) -> Made | None:
    """What a whole reply, or the last bytes of a stream, gives ids to; None when there is nothing to refer to."""
    try:
        reply = _REPLY.decode(said) if said[:1] == b"{" else _last_reply(said)
        if reply is None or not reply.id:
            return None
        items: list[tuple[str, bytes]] = []
        for raw in reply.output or ():
            item = _ITEM.decode(raw)
            if item.id is not None:
                items.append((item.id, bytes(raw) if _is_worth_telling(item) else b""))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return Made(reply.id, tuple(items), reply.store is True)


def _refers(item: _Item) -> bool:
    return item.type == "item_reference" or (item.type is None and item.role is None)


def _is_worth_telling(item: _Item) -> bool:
    """Thoughts without their maker's blob are taken back by nobody."""
    return item.type != "reasoning" or bool(item.encrypted_content)


def _last_reply(said: bytes) -> _Reply | None:
    for block in reversed(said.replace(b"\r\n", b"\n").split(b"\n\n")):
        data = data_of(block + b"\n\n")
        if data and any(kind in data[:80] or kind in block[:80] for kind in _LAST_EVENTS):
            return _EVENT.decode(data).response
    return None
