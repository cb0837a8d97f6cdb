"""What a recommender is tuned by: numbers of its kernel, chosen on a cut of the training sessions,
and how much is learned.
"""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class Kernel(NamedTuple):
    """How session neighbours and pairs count, all floats, in the terms of V-STAN (Ludewig, Mauro,
    Latifi and Jannach, Empirical Analysis of Session-Based Recommendation Algorithms, 2021).

    Decays are factors per click of distance. What was tuned on public sets: `tuning.py`.
    """

    neighbours: float = 1000.0  # sessions that are looked into
    query_decay: float = 0.7  # of a product of the session, by its distance from the newest
    match_decay: float = 0.8  # of a neighbour, by the distance of the newest product it shares
    after_decay: float = 0.5  # of a product of a neighbour, by its distance behind the shared one
    before_decay: float = 0.8  # the same before it
    before_share: float = 0.8  # what those before count beside those behind
    self_share: float = 0.8  # the same of the shared product
    recency: float = 2.0  # exponential decay of a neighbour over the time that all sessions cover
    length_power: float = 0.0  # a neighbour counts by its length to minus this power
    rarity_power: float = 2.0  # a shared product counts by its rarity to this power
    back_off: float = 0.4  # of pairs, by the distance of their first product from the newest
    forward_share: float = 0.2  # what pairs count beside neighbours, where nothing is learned
    backward_share: float = 0.1


class Options(BaseModel):
    """How a recommender is built; the defaults are those of the shop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: int = Field(default=100, ge=20, le=250)  # products that are ranked
    learned: bool = True  # a ranker over neighbours, pairs and facts, where there are sessions enough
    embedding: bool = False  # an item embedding too: better lists, and minutes of training
    learn_share: float = Field(default=0.1, gt=0, lt=1)  # newest sessions that the ranker learns from
    learn_at_most: int = 30_000  # prefixes of them
    learn_at_least: int = 2_000  # prefixes; with fewer nothing is learned
    trees: int = Field(default=200, ge=1)
    depth: int = Field(default=6, ge=1, le=8)
    tune: bool = False  # the kernel's numbers too, on the same cut
    tune_on: int = 2_000  # prefixes of it
    kernel: Kernel = Kernel()  # its numbers where they are not tuned
    embed_at_most: int = 400_000  # newest prefixes that the embedding is trained on
    epochs: int = Field(default=3, ge=1)  # of the embedding's training
    epochs_on_newest: int = Field(default=1, ge=0)  # more, when the newest sessions join
    seed: int = 7
