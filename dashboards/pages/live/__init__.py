"""The live page: what the shop sells and what the streams do."""

from dashboards.pages.live import callbacks, layout
from dashboards.pages.page import Page

PAGE = Page(
    name="live",
    title="The shop, live",
    path="/",
    layout=layout.layout,
    register=callbacks.register,
    drawn=(
        "#tiles .tile",
        *(f"#{graph} .trace" for graph in layout.GRAPHS),
        "#newest-orders .ag-row",
        "#newest-scores .ag-row",
        "#freshness .fact",
    ),
)
