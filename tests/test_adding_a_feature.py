"""The page's example, done as the page says: the feature is in the list, in the dictionary, and the
same number in the stream and in the API.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT

pytestmark = pytest.mark.programs

PAGE = ROOT / "docs" / "how-to" / "add-a-feature.md"
CHANGE = re.compile(r"^```diff\n(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SEEN = """
import json, sys
from pathlib import Path

import pipelines
from api.payments.schema import Payment
from api.payments.scorer import features_of
from api_payments import as_json
from brute_card import brute_force
from ids import NO_ID
from payment_batches import payments
from pipelines.dictionary import dictionary
from pipelines.fraud.features import payment_records
from pipelines.fraud.features.feature_set import FEATURE_NAMES, FEATURE_SET
from pipelines.fraud.features.fold import Known, fold, nothing_known

assert Path(pipelines.__file__).is_relative_to(Path.cwd()), "the copy, not the checkout"
numbers = [3 * n for n in range(8)]  # of one card, and of one seller of which nothing is known
paid = payments(*numbers)
keys, records = payment_records.keyed(paid, NO_ID)
stream = fold(nothing_known(keys), records).features
api, known = [], nothing_known(keys)
for row in paid.to_pylist():
    keys_of_one, one = payment_records.keyed_one(row, NO_ID)
    device = keys.devices.index(row["device_id"])
    known_of_one = known._replace(states=known.states._replace(devices=known.states.devices[device : device + 1]))
    api.append(features_of(Payment.model_validate_json(json.dumps(as_json(row))), known_of_one, NO_ID)[0])
    after = fold(known_of_one, one).states
    known.states.cards[:], known.states.devices[device] = after.cards, after.devices[0]
name = sys.argv[1]
column = FEATURE_NAMES.index(name)
print(json.dumps({
    "feature_set": FEATURE_SET,
    "dictionary": [line for line in dictionary().splitlines() if f"`{name}`" in line],
    "stream": [float(row[column]) for row in stream],
    "api": [float(row[column]) for row in api],
    "oracle": [brute_force(list(records.records[: i + 1]))[name] for i in range(len(numbers))],
}))
"""


def apply(change: re.Match[str], folder: Path) -> None:
    """Change a file of a copy as a block of the page says; the lines it names are there once."""
    file, lines = folder / change[1], change[2].splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
    after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
    text = file.read_text()
    assert text.count(before) == 1, f"{change[1]} no longer has {before!r} once: bring docs/how-to/add-a-feature.md up to date"
    file.write_text(text.replace(before, after))


def test_a_feature_added_as_the_page_says_is_listed_documented_and_the_same_everywhere(tmp_path: Path) -> None:
    for room in ("pipelines", "api", "conf", "tests/support"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    changes = list(CHANGE.finditer(PAGE.read_text()))
    assert len(changes) == 4
    for change in changes:
        apply(change, tmp_path)
    paths = os.pathsep.join(map(str, (tmp_path, tmp_path / "tests" / "support", ROOT)))
    own = {**os.environ, "PYTHONPATH": paths, "NUMBA_OPT": "0"}  # compiled sooner
    command = [sys.executable, "-c", SEEN, "payments_per_day"]
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["feature_set"].endswith("/3")
    assert len(seen["dictionary"]) == 1
    assert repr(seen["stream"]) == repr(seen["api"]), "NaN is not itself"
    assert repr(seen["stream"]) == repr(seen["oracle"])
    assert seen["stream"][1:] == [float(n) for n in range(1, 8)], "less than a day old: as many as before"
