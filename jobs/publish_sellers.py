"""Bring the online store's states of sellers to the last full hour once; jobs/run_all.py does it after every hour."""

from pipelines import seller_states
from pipelines.job import run

if __name__ == "__main__":
    run("publish_sellers", seller_states.publish_what_is_known)
