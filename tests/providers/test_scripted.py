import pytest

from fairlead.domain.call import Deadlines
from fairlead.domain.errors import GarbledError, SilentError, TruncatedError, UnreachableError
from fairlead.providers.scripted import Piece, Received, Scene, ScriptedTransport, header_map

DEADLINES = Deadlines(idle_s=7)


async def ask(transport: ScriptedTransport, body: bytes = b""):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return await transport.exchange("POST", "/v1/x", b"a: b\r\n", body, DEADLINES)


async def test_scenes_are_played_in_the_order_of_requests_and_the_last_one_stays() -> None:
    transport = ScriptedTransport([Scene.of(b"1"), Scene.of(b"2", status=429)])
    answers = [await ask(transport, body) for body in (b"x", b"y", b"z")]
    assert [(one.status, await one.read(9)) for one in answers] == [(200, b"1"), (429, b"2"), (429, b"2")]
    assert transport.received[1] == Received("POST", "/v1/x", {"a": "b"}, b"y")


async def test_pieces_come_one_by_one_and_then_nothing() -> None:
    answer = await ask(ScriptedTransport([Scene.of(b"a", b"", b"b")]))
    assert [await answer.next_chunk() for _ in range(4)] == [b"a", b"b", b"", b""]
    assert answer.has_ended


async def test_delays_are_slept_before_head_and_pieces() -> None:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    scene = Scene(delay_s=1, pieces=(Piece(b"a", 2), Piece(b"b"), Piece(b"c", 3)))
    answer = await ask(ScriptedTransport([scene], sleep=sleep))
    assert await answer.read(9) == b"abc"
    assert slept == [1, 2, 3]


async def test_a_cut_comes_after_the_last_piece() -> None:
    answer = await ask(ScriptedTransport([Scene.of(b"a", ending="cut")]))
    assert await answer.next_chunk() == b"a"
    with pytest.raises(TruncatedError):
        await answer.next_chunk()


async def test_a_stall_lasts_until_the_idle_deadline() -> None:
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(delay_s)

    answer = await ask(ScriptedTransport([Scene.of(b"a", ending="stall")], sleep=sleep))
    with pytest.raises(SilentError):
        await answer.read(9)
    assert slept == [7]


async def test_a_reply_above_the_cap_is_refused_and_closed() -> None:
    answer = await ask(ScriptedTransport([Scene.of(b"abc")]))
    with pytest.raises(GarbledError):
        await answer.read(2)
    assert answer.is_closed


async def test_a_closed_answer_gives_nothing_more() -> None:
    answer = await ask(ScriptedTransport([Scene.of(b"abc")]))
    answer.close()
    answer.close()
    with pytest.raises(TruncatedError):
        await answer.next_chunk()


async def test_refusals_and_errors_are_raised() -> None:
    transport = ScriptedTransport([Scene(is_refused=True), SilentError("late"), Scene.of(b"")])
    with pytest.raises(UnreachableError):
        await ask(transport)
    with pytest.raises(SilentError, match="late"):
        await ask(transport)
    assert (await ask(transport)).status == 200


async def test_an_empty_script_reaches_nobody() -> None:
    with pytest.raises(UnreachableError):
        await ask(ScriptedTransport([]))


def test_header_lines_are_read_back_for_looking_at() -> None:
    assert header_map(b"A: b\r\nC:d: e\r\n\r\n") == {"a": "b", "c": "d: e"}
