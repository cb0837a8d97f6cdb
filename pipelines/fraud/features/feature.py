"""What a feature is: one number that the model sees, with its unit and a sentence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One number the model sees: its name, its unit, and what it says in words."""

    name: str
    unit: str
    meaning: str
