"""How far back an age looks, so that one wrong date does not make a card, a seller or a device old
for ever.
"""

from pipelines.base.arrays import DAY_US

# A silence that is longer counts in no age of cards and sellers: who was away for half a year is as
# old as before.
LONGEST_SILENCE_US = 180 * DAY_US
# A device's age begins in this year or the one before. These years begin with 1970, and have all as
# many days.
YEAR_S = 365 * 86_400
