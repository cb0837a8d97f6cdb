"""The statistics in the tree are what the script makes of the archive, and hold no rows."""

import json
import zipfile
from pathlib import Path

import pytest
from olist import ARCHIVE, needs_olist, tiny_archive

from simulator.fit_olist import OUT, fit_freight, fit_places, main
from simulator.olist_archive import ArchiveError, read_archive
from simulator.shop.statistics import Statistics


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "olist.json"
    main(ARCHIVE, out)
    return out


@needs_olist
def test_fitting_again_gives_the_file_in_the_tree(refitted: Path) -> None:
    assert json.loads(refitted.read_text()) == json.loads(OUT.read_text())


@needs_olist
def test_it_is_small_and_fits_its_type(refitted: Path) -> None:
    assert refitted.stat().st_size < 300_000
    fitted = Statistics.model_validate_json(refitted.read_text())
    assert len(fitted.week) == 168
    assert sum(category.share for category in fitted.categories) == pytest.approx(1.0, abs=0.02)
    assert sum(fitted.payments.methods.values()) == pytest.approx(1.0, abs=0.001)


def test_no_id_of_the_archive_is_in_it() -> None:
    """Ids are 32 hexadecimal digits; a row could not be told without one."""
    text = OUT.read_text()
    assert not any(len(word) >= 32 for word in text.replace('"', " ").replace(",", " ").split() if word.isalnum())


def test_figures_are_olists() -> None:
    """Known totals: 74 % of first payments by card, 57 % of reviews with five stars among all,
    Friday the 24th the peak.
    """
    fitted = json.loads(OUT.read_text())
    assert fitted["payments"]["methods"]["credit_card"] == pytest.approx(0.77, abs=0.03)
    assert fitted["orders"]["cancelled"] == pytest.approx(625 / 99_441, abs=1e-5)
    assert fitted["black_friday"][1] > 5
    assert fitted["places"][0]["city"] == "sao paulo"


def test_places_and_freight_of_a_few_orders(tmp_path: Path) -> None:
    frames = read_archive(tiny_archive(tmp_path))
    places = {place["city"]: (place["customers"], place["sellers"], place["latitude"]) for place in fit_places(frames)}
    assert places == {"sao paulo": (2, 1, -23.56), "rio de janeiro": (1, 1, -22.9)}
    freight = fit_freight(frames)
    assert set(freight["same_state"]) == {200.0}
    assert set(freight["other_state"]) == {725.0}


@pytest.mark.parametrize("content", [None, b"no zip", "empty"])
def test_what_is_no_archive_is_refused_in_one_sentence(content: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "olist.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "empty":
        with zipfile.ZipFile(path, "w"):
            pass
    with pytest.raises(ArchiveError, match="give the path of Kaggle's"):
        read_archive(path)
