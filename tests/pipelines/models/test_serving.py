"""A worker's model changes to the published one, and stays when that one is bad."""

from fraud_models import a_model, a_packed_model

from pipelines.models.packed import Packed
from pipelines.models.serving import Serving


class Shelf:
    """Published models, and how often they were asked for."""

    def __init__(self, *models: Packed) -> None:
        self.models = {packed.version: packed for packed in models}
        self.asked: list[str] = []

    def model(self, name: str, version: str) -> Packed:
        self.asked.append(version)
        return self.models[version]


def test_no_published_model_and_the_same_one_change_nothing():
    serving, shelf = Serving(a_model("1")), Shelf()
    serving.follow(None, shelf)
    serving.follow("1", shelf)
    assert serving.model.version == "1"
    assert shelf.asked == []


def test_another_published_model_is_taken_up():
    serving = Serving(a_model("1"))
    serving.follow("2", Shelf(a_packed_model("2")))
    assert serving.model.version == "2"


def test_a_bad_model_is_refused_once_and_the_next_good_one_taken_up():
    serving = Serving(a_model("1"))
    shelf = Shelf(a_packed_model("2", feature_set="other/1"), a_packed_model("3"))
    for version in ("2", "2", "3", "2"):
        serving.follow(version, shelf)
    assert serving.model.version == "3"
    assert shelf.asked == ["2", "3", "2"]


def test_the_challenger_scores_beside_the_model_until_it_is_withdrawn_or_serves_itself():
    serving, shelf = Serving(a_model("1")), Shelf(a_packed_model("2"))
    serving.shadow("2", shelf)
    serving.shadow("2", shelf)
    assert (serving.model.version, serving.challenger.version, shelf.asked) == ("1", "2", ["2"])
    serving.shadow(None, shelf)
    assert serving.challenger is None
    serving.shadow("1", shelf)
    assert serving.challenger is None


def test_a_bad_challenger_is_refused_once_and_takes_the_old_one_with_it():
    serving = Serving(a_model("1"))
    shelf = Shelf(a_packed_model("2"), a_packed_model("3", feature_set="other/1"))
    for version in ("2", "3", "3"):
        serving.shadow(version, shelf)
    assert serving.challenger is None
    assert shelf.asked == ["2", "3"]
    assert serving.model.version == "1"


def test_a_bad_challenger_that_returns_after_a_good_one_takes_that_with_it_too():
    serving = Serving(a_model("1"))
    shelf = Shelf(a_packed_model("2"), a_packed_model("3", feature_set="other/1"))
    for version in ("3", "2", "3"):
        serving.shadow(version, shelf)
    assert serving.challenger is None
    assert shelf.asked == ["3", "2"]
