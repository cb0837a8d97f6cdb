"""The fraud page: how well decisions hold once the bank has spoken, what waits for review, whether
scores drift.
"""

from dashboards.pages.fraud import callbacks, layout
from dashboards.pages.page import Page

PAGE = Page(
    name="fraud",
    title="Fraud",
    path="/fraud/",
    layout=layout.layout,
    register=callbacks.register,
    drawn=(
        "#tiles .tile",
        "#queue :is(.ag-row, .empty)",
        *(f"#{graph} .trace" for graph in layout.GRAPHS),
        "#versions .ag-row",
        "#shadow :is(tbody tr, .empty)",
    ),
)
