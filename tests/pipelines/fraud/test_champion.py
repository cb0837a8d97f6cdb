"""Whether a model must be trained: not where a champion of today's features is registered."""

from dataclasses import dataclass

import pytest

from pipelines.fraud.champion import champion_of_todays_features
from pipelines.fraud.features.feature_set import FEATURE_SET


@dataclass
class Registered:
    """A registry with at most one version, the champion."""

    champion: str | None
    of: str | None = None

    def champion_version(self, name: str) -> str | None:
        return self.champion

    def feature_set(self, name: str, version: str) -> str | None:
        assert (name, version) == ("fraud", self.champion)
        return self.of


@pytest.mark.parametrize(
    ("registered", "version"),
    [
        (Registered(None), None),
        (Registered("3", FEATURE_SET), "3"),
        (Registered("3", "cards/0"), None),
        (Registered("3", None), None),
    ],
    ids=["no champion", "today's", "other features", "no feature set"],
)
def test_only_a_champion_of_todays_features_counts(registered: Registered, version: str | None) -> None:
    assert champion_of_todays_features(registered, "fraud") == version
