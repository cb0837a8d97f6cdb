"""Olist's archive for tests: a tiny one made here, and Kaggle's own where TIDEMARK_DATA has it."""

import os
import zipfile
from pathlib import Path

import pytest

from pipelines.base.paths import ROOT

ARCHIVE = Path(os.environ.get("TIDEMARK_DATA", ROOT.parent / "shared" / "data")) / "olist.zip"
needs_olist = pytest.mark.data_set(ARCHIVE, "compares with the totals of Kaggle's olist.zip")

FIRST_PLACED = "2016-09-04 21:15:19"
# Three orders of two people: one delivered and reviewed, one cancelled without lines, one still
# under way.
TABLES = {
    "olist_orders_dataset.csv": f"""\
order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,\
order_delivered_customer_date,order_estimated_delivery_date
o1,c1,delivered,{FIRST_PLACED},2016-09-05 10:00:00,2016-09-06 10:00:00,2016-09-09 10:00:00,2016-09-20 00:00:00
o2,c2,canceled,2016-09-07 12:00:00,,,,2016-09-30 00:00:00
o3,c3,shipped,2016-09-08 12:00:00,2016-09-08 13:00:00,2016-09-09 13:00:00,,2016-09-30 00:00:00
""",
    "olist_order_items_dataset.csv": """\
order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,1,p1,s1,2016-09-10 00:00:00,10.50,2.00
o1,2,p2,s2,2016-09-10 00:00:00,99.90,7.25
o3,1,p1,s1,2016-09-12 00:00:00,11.50,2.00
""",
    "olist_products_dataset.csv": """\
product_id,product_category_name
p1,beleza_saude
p2,
p3,beleza_saude
""",
    "product_category_name_translation.csv": """\
product_category_name,product_category_name_english
beleza_saude,health_beauty
""",
    "olist_customers_dataset.csv": """\
customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state
c1,u1,01001,sao paulo,SP
c2,u2,20010,rio de janeiro,RJ
c3,u1,01001,sao paulo,SP
""",
    "olist_sellers_dataset.csv": """\
seller_id,seller_zip_code_prefix,seller_city,seller_state
s1,01001,sao paulo,SP
s2,20010,rio de janeiro,RJ
""",
    "olist_order_payments_dataset.csv": """\
order_id,payment_sequential,payment_type,payment_installments,payment_value
o1,1,credit_card,3,100.00
o1,2,voucher,1,19.65
o2,1,boleto,1,50.00
o3,1,credit_card,0,13.50
""",
    "olist_order_reviews_dataset.csv": """\
review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date,review_answer_timestamp
r1,o1,5,,"Came early, ""as promised"".
Again!",2016-09-10 00:00:00,2016-09-11 08:00:00
r2,o3,3,slow,,2016-09-10 00:00:00,
""",
    "olist_geolocation_dataset.csv": """\
geolocation_zip_code_prefix,geolocation_lat,geolocation_lng,geolocation_city,geolocation_state
01001,-23.55,-46.63,sao paulo,SP
01001,-23.57,-46.65,sao paulo,SP
20010,-22.90,-43.17,rio de janeiro,RJ
""",
}


def tiny_archive(folder: Path) -> Path:
    """Write an archive with Olist's nine tables and a few rows in each, and return where it is."""
    path = folder / "olist.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in TABLES.items():
            archive.writestr(name, text)
    return path
