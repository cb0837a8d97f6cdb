"""The recommendations page: what visitors do with the lists they are shown, whether those sell,
what trends, and the list of any session with its reasons.
"""

from dashboards.pages.page import Page
from dashboards.pages.recommendations import callbacks, layout

PAGE = Page(
    name="recommendations",
    title="Recommendations",
    path="/recommendations/",
    layout=layout.layout,
    register=callbacks.register,
    drawn=(
        "#tiles .tile",
        *(f"#{graph} .trace" for graph in layout.GRAPHS),
        "#variants .ag-row",
        "#comparisons .ag-row",
        "#trending .product",
        "#list .ag-row",
        "#clicks .ag-row",
        "#made .ag-row",
    ),
)
