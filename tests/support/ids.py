"""What counts as no id in the settings that the product comes with."""

import tomllib

from pipelines.base.paths import ROOT
from pipelines.base.placeholders import Placeholders, no_id

_IDS = tomllib.loads((ROOT / "conf" / "base.toml").read_text())["ids"]
WORDS = Placeholders(tuple(_IDS["placeholders"]), tuple(_IDS["no_card"]))
PLACEHOLDERS = [*WORDS.of_any, *WORDS.of_cards]
NO_ID = no_id(PLACEHOLDERS)
