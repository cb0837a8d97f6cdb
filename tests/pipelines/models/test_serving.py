"""A worker's model changes to the published one, and stays when that one is bad."""

from fraud_models import a_packed_model, a_serving
from waiting import until

from pipelines.fraud.model import fraud_model
from pipelines.models.packed import Packed
from pipelines.models.serving import Expected, ServedModel


class Shelf:
    """Published models, and how often they were fetched."""

    def __init__(self, *models: Packed) -> None:
        self.models = {packed.version: packed for packed in models}
        self.fetched: list[str] = []

    def current_version(self, model_name: str) -> str | None:
        return max(self.models)

    def packed(self, name: str, version: str) -> Packed:
        self.fetched.append(version)
        return self.models[version]


def test_no_published_model_and_the_same_one_change_nothing():
    serving, shelf = a_serving("1"), Shelf()
    serving.follow(None, shelf)
    serving.follow("1", shelf)
    assert serving.model.version == "1"
    assert shelf.fetched == []


def test_another_published_model_is_taken_up():
    serving = a_serving("1")
    serving.follow("2", Shelf(a_packed_model("2")))
    assert serving.model.version == "2"


def test_a_bad_model_is_refused_once_and_the_next_good_one_taken_up():
    serving = a_serving("1")
    shelf = Shelf(a_packed_model("2", feature_set="other/1"), a_packed_model("3"))
    for version in ("2", "2", "3", "2"):
        serving.follow(version, shelf)
    assert serving.model.version == "3"
    assert shelf.fetched == ["2", "3", "2"]


def test_who_goes_on_without_a_model_takes_up_the_first_that_is_good_and_then_follows():
    shelf = Shelf(a_packed_model("1", sha256="0" * 64), a_packed_model("2"), a_packed_model("3"))
    expected = Expected("fraud", fraud_model.load)
    versions = []
    for version in (None, "1", "1", "2", "1", "3"):
        expected.follow(version, shelf)
        versions.append(expected.model and expected.model.version)
    assert versions == [None, None, None, "2", "2", "3"]
    assert shelf.fetched == ["1", "2", "1", "3"]


def test_the_challenger_scores_beside_the_model_until_it_is_withdrawn_or_serves_itself():
    serving, shelf = a_serving("1"), Shelf(a_packed_model("2"))
    serving.shadow("2", shelf)
    serving.shadow("2", shelf)
    assert (serving.model.version, serving.challenger.version, shelf.fetched) == ("1", "2", ["2"])
    serving.shadow(None, shelf)
    assert serving.challenger is None
    serving.shadow("1", shelf)
    assert serving.challenger is None


def test_a_bad_challenger_is_refused_once_and_takes_the_old_one_with_it():
    serving = a_serving("1")
    shelf = Shelf(a_packed_model("2"), a_packed_model("3", feature_set="other/1"))
    for version in ("2", "3", "3"):
        serving.shadow(version, shelf)
    assert serving.challenger is None
    assert shelf.fetched == ["2", "3"]
    assert serving.model.version == "1"


def test_a_bad_challenger_that_returns_after_a_good_one_takes_that_with_it_too():
    serving = a_serving("1")
    shelf = Shelf(a_packed_model("2"), a_packed_model("3", feature_set="other/1"))
    for version in ("3", "2", "3"):
        serving.shadow(version, shelf)
    assert serving.challenger is None
    assert shelf.fetched == ["3", "2"]


def test_a_process_that_cannot_take_up_its_first_model_for_a_reason_nobody_foresaw_lives_and_says_so():
    failures = [MemoryError("no room")] * 2

    def load(packed: Packed) -> fraud_model.Model:
        if failures:
            raise failures.pop()
        return fraud_model.load(packed)

    served = ServedModel(Shelf(a_packed_model("1")), "fraud", load, "make train", every_s=0.01)
    try:
        served.watch.look_once()
        assert served.model is None
        assert "cannot be taken up (MemoryError('no room'))" in served.missing
        served.start()
        until(lambda: served.model is not None and not served.missing, "the model serves")
    finally:
        served.stop()
