"""Bring the online store's states of sellers to the last full hour once; jobs/streams/run_all.py
does it after every hour.
"""

from pipelines.fraud import seller_states
from pipelines.streaming.job import run

if __name__ == "__main__":
    run("publish_sellers", seller_states.publish_what_is_known)
