"""Router files on disk and the object that applications hold."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairlead.domain.errors import ArtifactError, FairleadError, InvalidOptionError, RequestError, UnknownOptionError
from fairlead.domain.outline import outline_of_text
from fairlead.evaluation import router_file
from fairlead.evaluation.native_code import native_code
from fairlead.evaluation.router_file import Router, load_router
from fairlead.learning.training import train
from fairlead.routing.policies.objective import Objective
from tests.learning.small_trainings import ARMS, POEM, SUM, costs, encoder, sums_and_poems, tokens


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("routers") / "router.fl"
    Router(train(replace(sums_and_poems(), cost_usd=costs(80)), encoder()).router).save(place)
    return place


@pytest.fixture(scope="module")
def router(path: Path) -> Router:
    return Router.load(str(path))


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}], **more}


def test_a_text_a_body_and_an_outline_are_decided(router: Router) -> None:
    assert router.models == ARMS
    for asked, model in ((SUM, "calculator"), (POEM, "bard")):
        for request in (asked, body(asked), body(asked, model="auto", tools=[]), outline_of_text(asked)):
            assert router.decide(request).model == model


def test_a_decision_names_every_candidate_the_best_first(router: Router) -> None:
    routed = router.decide(SUM)
    assert routed.is_routed and routed.reason
    assert routed.candidates[0].model == routed.model == "calculator"
    assert sorted(one.model for one in routed.candidates) == sorted(ARMS)
    for one in routed.candidates:
        assert one.quality_low <= one.quality <= one.quality_high
        assert one.cost_usd is not None and one.cost_usd > 0
        assert one.output_tokens is None and one.latency_s is None


@pytest.mark.parametrize("preference", ["cost_weight=50", " cost_weight = 50 ", Objective(cost_weight=50.0)])
def test_a_preference_for_cost_takes_the_cheapest(router: Router, preference: str | Objective) -> None:
    assert router.decide(SUM, preference).model == "bard"


def test_quality_alone_is_what_no_preference_means(router: Router) -> None:
    assert router.decide(SUM, None) == router.decide(SUM, Objective()) == router.decide(SUM, "")


def test_limits_are_kept(router: Router) -> None:
    assert router.decide(SUM, "max_cost_usd=0.0002").model == "bard"


@pytest.mark.parametrize(
    ("preference", "message"),
    [
        ("qualty", "no preset is called 'qualty' \\(did you mean 'quality'"),
        ("qualty=1", "no preference is called 'qualty' \\(did you mean 'quality'"),
    ],
)
def test_an_unknown_preference_is_refused_by_name(router: Router, preference: str, message: str) -> None:
    with pytest.raises(UnknownOptionError, match=message):
        router.decide(SUM, preference)


@pytest.mark.parametrize("preference", ["cost=much", "cost=-1", "cost=nan", "quality=1,cost_weight=1", {"cost": 1}, 3])
def test_a_preference_that_means_nothing_is_refused(router: Router, preference: Any) -> None:
    with pytest.raises(InvalidOptionError):
        router.decide(SUM, preference)


@pytest.mark.parametrize(
    "request_",
    [{}, {"messages": 3}, {"messages": NotImplemented}, body("\ud800"), 3, None, b"bytes", {"messages": [], 1: 2}],
    ids=str,
)
def test_what_is_no_request_is_refused_with_a_reason(router: Router, request_: Any) -> None:
    with pytest.raises(RequestError) as error:
        router.decide(request_)
    assert error.value.message


@pytest.mark.parametrize("text", ["", "\ud800", "😀" * 3, "\x00", "word " * 200_000])
def test_any_text_is_decided(router: Router, text: str) -> None:
    assert router.decide(text).model in ARMS


def test_where_routing_does_not_pay_one_model_is_served_unless_told_otherwise() -> None:
    router = Router(train(sums_and_poems(28), encoder()).router)
    served = router.decide(SUM)
    assert not served.is_routed and served.reason == router.trained.verdict.reason
    assert router.decide(POEM).model == served.model
    own = [router.decide(text, heeds_verdict=False) for text in (SUM, POEM)]
    assert [one.model for one in own] == ["calculator", "bard"] and all(one.is_routed for one in own)


def test_predictions_come_as_matrices(router: Router) -> None:
    assert router.predict([SUM, POEM]).quality.shape == (2, 3)
    assert router.predict([]).quality.shape == (0, 3)


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path, path: Path) -> None:
    whole = path.read_bytes()
    cut = tmp_path / "cut.fl"
    cut.write_bytes(whole[:-1])
    with pytest.raises(ArtifactError, match=r"cut.fl: .*cut short.*fairlead train"):
        load_router(cut)
    with pytest.raises(ArtifactError, match=r"none.fl: cannot be read .*fairlead train"):
        load_router(tmp_path / "none.fl")
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_router(tmp_path)


def test_a_file_too_large_to_be_a_router_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_file, "MAX_FILE_BYTES", 10)
    large = tmp_path / "large.fl"
    large.write_bytes(b"x" * 11)
    with pytest.raises(ArtifactError, match="is no router"):
        load_router(large)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "router.fl"
    place.write_bytes(b"the older one")

    def break_off(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", break_off)
        with pytest.raises(ArtifactError, match=r"router.fl: cannot be written .No space left"):
            router.save(place)
    assert place.read_bytes() == b"the older one"
    assert list(tmp_path.iterdir()) == [place]
    router.save(place)
    assert load_router(place).arms == ARMS
    assert list(tmp_path.iterdir()) == [place]


def test_a_place_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path, router: Router) -> None:
    with pytest.raises(FairleadError, match="cannot be written"):
        router.save(tmp_path / "nowhere" / "router.fl")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ArtifactError, match="cannot be written"):
        router.save(tmp_path / "folder")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(native_code().library is None, reason=native_code().reason)
def test_native_code_serves_what_is_loaded_and_decides_as_numpy_does(router: Router) -> None:
    plain = Router(replace(router.trained, library=None))
    assert router.trained.kernel is not None and plain.trained.kernel is None
    for text in (SUM, POEM, "", "ein Gedicht über Schnee"):
        for preference in (None, "cost_weight=0.3", "quality=0.5,cost=0.5", "max_cost_usd=0.0002"):
            native, numpy = router.decide(text, preference), plain.decide(text, preference)
            assert [one.model for one in native.candidates] == [one.model for one in numpy.candidates]
            for one, other in zip(native.candidates, numpy.candidates, strict=True):
                assert one.quality == pytest.approx(other.quality, abs=1e-5)
                assert one.cost_usd == pytest.approx(other.cost_usd, rel=1e-5)


@pytest.mark.skipif(native_code().library is None, reason=native_code().reason)
def test_a_file_whose_arrays_numpy_would_stretch_is_refused(tmp_path: Path) -> None:
    read = train(replace(sums_and_poems(), output_tokens=tokens(80)), encoder()).router
    assert read.lengths is not None
    short = replace(read.lengths.amounts, mean_ratio=read.lengths.amounts.mean_ratio[:1])
    place = tmp_path / "short.fl"
    Router(replace(read, lengths=replace(read.lengths, amounts=short))).save(place)
    with pytest.raises(ArtifactError, match=r"short.fl: .*does not fit together .*fairlead train"):
        load_router(place)


def test_who_only_looks_at_a_router_makes_no_native_code_ready(path: Path) -> None:
    assert load_router(path, reads_texts=False).kernel is None
