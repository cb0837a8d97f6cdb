"""The scoring query of the benchmarks is the job's own, with the champion that scores in the
shop.
"""

from types import SimpleNamespace

import pytest

from benchmarks.receipt import ReceiptError
from benchmarks.support import scoring_query


def test_a_shop_without_a_champion_is_one_clear_sentence_instead_of_waiting(monkeypatch):
    nobody = SimpleNamespace(name="fraud", registry=SimpleNamespace(champion_version=lambda name: None))
    monkeypatch.setattr(scoring_query, "champion_watch", lambda: nobody)
    with pytest.raises(ReceiptError, match="There is no champion of fraud to measure: make demo trains one"):
        scoring_query._champion()
