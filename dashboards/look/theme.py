"""The site's look as Mantine's theme. The colours of its two schemes that Mantine has no name for
are CSS variables, in assets/pages.css; figures have theirs in figures.py.
"""

from typing import Any

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
# From lightest to darkest, as Mantine wants them.
TEAL = ["#e6f5f3", "#cdeae7", "#9fd6d0", "#6cc9bf", "#3cc4b7", "#1fa89c", "#128f86", "#0b7a75", "#08615d", "#064a47"]
SLATE = ["#e6edf3", "#c5d0da", "#9dabba", "#6d7b8a", "#263240", "#1f2a36", "#161e27", "#0e141b", "#0a0f15", "#06090d"]

THEME: dict[str, Any] = {
    "colors": {"teal": TEAL, "dark": SLATE},
    "primaryColor": "teal",
    "primaryShade": {"light": 7, "dark": 4},
    "fontFamily": FONT,
    "defaultRadius": "md",
    "components": {
        "Badge": {"defaultProps": {"variant": "light", "radius": "xl", "tt": "none"}},
        "Paper": {"defaultProps": {"withBorder": True, "p": "sm", "bg": "var(--mantine-color-default)"}},
        "Table": {"defaultProps": {"verticalSpacing": 4, "horizontalSpacing": 5, "fz": 13}},
        "SegmentedControl": {"defaultProps": {"size": "xs", "color": "teal"}},
    },
}
