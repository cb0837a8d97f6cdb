"""What is asked of a recommender, and how good its answers are, as plain loops find it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ids import NO_ID
from past_sessions import a_past, a_session, rows_of

from pipelines.recommendations import quality, training_sessions
from pipelines.recommendations.features.session import VIEW, product_hash
from pipelines.recommendations.model import recommender
from pipelines.recommendations.model.building import build
from pipelines.recommendations.model.lists import Rules
from pipelines.recommendations.model.options import Options
from pipelines.recommendations.model.recommending import recommend
from pipelines.recommendations.model.sessions import Catalogue, Sessions
from pipelines.recommendations.quality import PLACES, SHOWN, Answers


def sessions_of(rows) -> Sessions:
    return training_sessions.gathered(rows_of(rows).to_batches(), 10_000, NO_ID)


def model_of(sessions: Sessions) -> recommender.Model:
    return recommender.Model("shop", "1", build(sessions, Catalogue.unknown(len(sessions.products)), Options(learned=False)))


@pytest.fixture(scope="module")
def model() -> recommender.Model:
    return model_of(sessions_of(a_past(300)))


def test_asked_is_before_every_look_at_another_product():
    clicks = [
        ("a", "view"),
        ("a", "add_to_cart"),
        ("b", "view"),
        ("b", "view"),
        ("c", "view"),
        ("c", "purchase"),
        ("a", "purchase"),
    ]
    rows = [a_session(1, [p for p, _ in clicks], range(7), [a for _, a in clicks]), a_session(2, ["x", "a"], [100, 101])]
    questions = quality.questions(sessions_of(rows))
    assert questions.answer.tolist() == [product_hash(product) for product in ("b", "c", "a")]
    assert questions.current.tolist() == [product_hash(product) for product in ("a", "b", "x")]
    assert questions.session.tolist() == [0, 0, 1]
    assert questions.states["count"].tolist() == [2, 4, 1]
    assert questions.states["cart"][0, 0] == product_hash("a")
    assert questions.first(1).answer.tolist() == [product_hash("b")]


def test_no_sessions_ask_nothing(model):
    questions = quality.questions(training_sessions.NONE)
    answers, shown = quality.answered(model, questions)
    assert (len(answers.hit), shown) == (0, 0)


@pytest.mark.parametrize("at_once", [7, 2_000])
def test_answers_are_what_a_list_for_each_question_gives(model, monkeypatch, at_once):
    monkeypatch.setattr(quality, "AT_ONCE", at_once)
    questions = quality.questions(
        sessions_of([*a_past(20, seed=3), a_session(99, ["product-01", "unknown", "product-02"], [0, 1, 2])])
    )
    answers, shown = quality.answered(model, questions)
    seen, found = set(), []
    for i in range(len(questions.answer)):
        listed = recommend(model, questions.states[i : i + 1], Rules(most_of_a_seller=PLACES), PLACES).products[0]
        hashes = [product_hash(model.products[each]) for each in listed if each >= 0]
        seen |= {each for each in listed[:SHOWN] if each >= 0}
        found.append(1 / (hashes.index(questions.answer[i]) + 1) if questions.answer[i] in hashes else 0.0)
    np.testing.assert_allclose(answers.reciprocal, found)
    assert answers.hit.tolist() == [each > 0 for each in found]
    assert shown == len(seen)
    assert 0 < answers.hit.mean() < 1


@given(
    st.lists(st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=2, max_size=6), min_size=1, max_size=12),
    st.data(),
)
def test_popularity_shows_everybody_the_most_looked_at_but_what_is_looked_at(listed, data):
    past = sessions_of([a_session(number, products, range(len(products))) for number, products in enumerate(listed)])
    looks = data.draw(st.lists(st.sampled_from([*"abcxyz", "new"]), min_size=2, max_size=5))
    unseen = sessions_of([a_session(1, looks, range(len(looks)))])
    questions = quality.questions(unseen)
    counts = np.bincount(past.items, minlength=len(past.products))
    best = [past.products[each] for each in np.argsort(-counts, kind="stable")]
    clicks = [unseen.products[each] for each in unseen.items]
    found = []
    for before, looked in pairwise(clicks):
        if before != looked:
            shown = [product for product in best if product != before][:PLACES]
            found.append(1 / (shown.index(looked) + 1) if looked in shown else 0.0)
    assert set(unseen.actions) == {VIEW}
    np.testing.assert_allclose(quality.by_popularity(past, questions).reciprocal, found)


def test_figures_are_shares_in_per_cent_and_places_beyond_the_last_are_misses():
    answers = Answers.of_places(np.array([0, 3, PLACES - 1, PLACES, -1]))
    assert answers.hit.tolist() == [True, True, True, False, False]
    assert answers.figures == pytest.approx({"hr20_pct": 60, "mrr20_pct": 100 * (1 + 1 / 4 + 1 / PLACES) / 5})


def test_a_query_takes_time(model):
    questions = quality.questions(sessions_of(a_past(20, seed=3)))
    assert all(us > 0 for us in quality.us_per_query([model, model], questions))
