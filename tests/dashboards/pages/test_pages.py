"""What every page of the tuple has: a place of its own, and the way to all others."""

from typing import Any

import httpx
import pytest

from dashboards.pages import PAGES
from dashboards.pages.page import Page


def test_a_page_is_called_as_its_folder_and_has_an_address_of_its_own() -> None:
    assert [page.layout.__module__.split(".")[-2] for page in PAGES] == [page.name for page in PAGES]
    assert len({page.path for page in PAGES}) == len(PAGES)
    assert all(page.path.startswith("/") and page.path.endswith("/") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_leads_to_all_and_says_where_it_is(without_trino: httpx.Client, page: Page) -> None:
    links = list(_links(without_trino.get(f"{page.path}_dash-layout").json()))
    assert [(link["label"], link["href"]) for link in links] == [(one.title, one.path) for one in PAGES]
    assert [link["label"] for link in links if link["active"]] == [page.title]
    assert [link["label"] for link in links if link.get("aria-current") == "page"] == [page.title]
    assert all(link["refresh"] for link in links)  # another page is another app


def _links(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, list):
        return [link for one in part for link in _links(one)]
    if not isinstance(part, dict) or "props" not in part:
        return []
    here = [part["props"]] if part["type"] == "NavLink" else []
    return [*here, *_links(part["props"].get("children"))]
