"""Every beginning of a session asks for the product that came next."""

from hypothesis import given
from hypothesis import strategies as st
from shopping import sessions_of

from pipelines.recommendations.model.prefixes import prefixes_of


@given(st.lists(st.lists(st.integers(0, 5), max_size=5), max_size=6))
def test_every_beginning_is_a_prefix(clicks: list[list[int]]) -> None:
    prefixes = prefixes_of(sessions_of(clicks, 6))
    found = [
        (prefixes.clicks[first:end].tolist(), int(target))
        for first, end, target in zip(prefixes.firsts, prefixes.ends, prefixes.targets, strict=True)
    ]
    assert found == [(session[:end], session[end]) for session in clicks for end in range(1, len(session))]


@given(st.lists(st.lists(st.integers(0, 5), max_size=5), min_size=1, max_size=6), st.data())
def test_sessions_between_are_those_sessions(clicks: list[list[int]], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(clicks)))
    end = data.draw(st.integers(first, len(clicks)))
    part, whole = sessions_of(clicks, 6).between(first, end), sessions_of(clicks[first:end], 6)
    assert part.offsets.tolist() == whole.offsets.tolist()
    assert part.items.tolist() == whole.items.tolist()
    assert part.count == end - first
