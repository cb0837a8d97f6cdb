"""What counts as no id in the settings that the product comes with."""

import tomllib

from pipelines.base.paths import ROOT
from pipelines.base.placeholders import no_id

PLACEHOLDERS = tomllib.loads((ROOT / "conf" / "base.toml").read_text())["ids"]["placeholders"]
NO_ID = no_id(PLACEHOLDERS)
