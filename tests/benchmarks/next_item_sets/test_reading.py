"""Public sets are read as they are published."""

from pathlib import Path

import pytest
from next_item_files import write_set

from benchmarks.next_item_sets.reading import SetError, read

SESSIONS = [{"session": 5, "items": [30, 10]}, {"session": 2, "items": [10, 20, 10]}]


def test_sessions_are_ordered_and_items_numbered(tmp_path: Path) -> None:
    train, _ = read(*write_set(tmp_path, SESSIONS, [{"prefix": [10], "target": 20}]))
    assert [train.products[item] for item in train.items] == ["10", "20", "10", "30", "10"]
    assert train.offsets.tolist() == [0, 3, 5]


def test_unseen_items_are_left_out_of_prefixes_and_missed_as_targets(tmp_path: Path) -> None:
    questions = [{"prefix": [99, 10, 20], "target": 30}, {"prefix": [98], "target": 10}, {"prefix": [30], "target": 99}]
    train, test = read(*write_set(tmp_path, SESSIONS, questions))
    prefixes = [test.clicks[first:end] for first, end in zip(test.firsts, test.ends, strict=True)]
    assert [[train.products[item] for item in prefix] for prefix in prefixes] == [["10", "20"], [], ["30"]]
    assert [train.products[target] if target >= 0 else None for target in test.targets] == ["30", "10", None]


def test_items_may_be_words(tmp_path: Path) -> None:
    train, test = read(*write_set(tmp_path, [{"session": 1, "items": ["a", "b"]}], [{"prefix": ["b"], "target": "a"}]))
    assert (train.products, test.clicks.tolist(), test.targets.tolist()) == (["a", "b"], [1], [0])


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    train, test = write_set(tmp_path, SESSIONS, [{"prefix": [10], "goal": 20}])
    with pytest.raises(SetError, match="target"):
        read(train, test)
    with pytest.raises(SetError, match="nowhere"):
        read(tmp_path / "nowhere.parquet", test)
