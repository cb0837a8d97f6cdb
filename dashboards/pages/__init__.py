"""The pages, one folder each. A new page is added here and nowhere else: docs/how-to/add-a-page.md
says how.
"""

from dashboards.pages import fraud, live, recommendations
from dashboards.pages.page import Page

PAGES: tuple[Page, ...] = (live.PAGE, fraud.PAGE, recommendations.PAGE)
