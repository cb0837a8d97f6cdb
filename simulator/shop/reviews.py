"""Reviews: a score that falls with the delay of the delivery, sometimes a title or a text."""

from bisect import bisect_left
from dataclasses import dataclass
from struct import Struct
from typing import Any

from simulator.shop.chance import DAY, cumulative
from simulator.shop.slots import LOW, Packing
from simulator.shop.world import World

REVIEWED = 0.97
REVIEW = Struct("<IBB")  # order, low and high part; score
TITLES = {1: "Não recomendo", 2: "Decepcionante", 3: "Razoável", 4: "Bom", 5: "Recomendo"}
TEXTS = {
    1: ("Não recebi o produto como anunciado.", "Péssimo, quero meu dinheiro de volta.", "Chegou muito depois do prazo."),
    2: ("Produto inferior ao esperado.", "A entrega demorou demais.", "Veio com defeito."),
    3: ("Produto bom, entrega lenta.", "Atende, mas esperava mais.", "Embalagem amassada, produto ok."),
    4: ("Gostei do produto.", "Chegou dentro do prazo.", "Bom custo-benefício."),
    5: ("Excelente, chegou antes do prazo!", "Produto ótimo, recomendo a loja.", "Tudo perfeito, compraria de novo."),
}


@dataclass(slots=True)
class Review:
    """A review still to be written."""

    order_id: str
    score: int


class Reviews:
    """Plans and writes reviews of delivered orders."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._figures = world.figures.reviews
        self._scores = [cumulative(shares) for shares in self._figures.scores]
        world.agenda.knows("review.write", self.write, Review, Packing(self._packed, self._unpacked))

    def _packed(self, review: Review) -> bytes:
        number = self._world.number(review.order_id)
        return REVIEW.pack(number & LOW, number >> 32, review.score)

    def _unpacked(self, packed: bytes) -> Review:
        low, high, score = REVIEW.unpack(packed)
        return Review(self._world.called("order", high << 32 | low), score)

    def expect(self, at: int, order: dict[str, Any]) -> None:
        """Plan the review of an order delivered at `at`."""
        chance = self._world.chance
        if chance.random() >= REVIEWED:
            return
        late = (at - order["estimated_delivery_at"]) / DAY
        band = min(bisect_left(self._figures.lateness, late), len(self._scores) - 1)
        review = Review(order["order_id"], chance.pick(self._scores[band]) + 1)
        self._world.agenda.plan(at + int(chance.quantile(self._figures.delay) * DAY), "review.write", review)

    def write(self, at: int, review: Review) -> None:
        """Let the review out."""
        chance, texts = self._world.chance, TEXTS[review.score]
        record = {
            "event_id": self._world.name("opinion"),
            "event_at": at,
            "review_id": self._world.name("review"),
            "order_id": review.order_id,
            "score": review.score,
            "title": TITLES[review.score] if chance.random() < self._figures.titled else None,
            "comment": texts[chance.below(len(texts))] if chance.random() < self._figures.commented else None,
        }
        self._world.publish("shop.reviews", review.order_id, at, record)
