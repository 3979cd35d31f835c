"""The id of an event: where it was first stored, in 34 characters that stay valid for its life.

    last timestamp (6) | batch (10) | part (2) | row (2) | shard (1)   = 21 bytes, base32 without padding, lower case

The slot is the hour of the last timestamp. Merging moves events but keeps what their ids name: a merged block lists the
parts it holds.
"""

from base64 import b32decode, b32encode

import msgspec

from chalicelib.ids import BatchId, Slot, slot_of

SIZE = 21
LENGTH = 34


class Place(msgspec.Struct, frozen=True, order=True):
    """One row of one block as it was first written."""

    last: int
    batch: BatchId
    part: int
    row: int
    shard: int

    @property
    def slot(self) -> Slot:
        return slot_of(self.last)

    @property
    def tie(self) -> bytes:
        """What orders events at one timestamp: batch, part and row."""
        return self.batch + self.part.to_bytes(2, "big") + self.row.to_bytes(2, "big")


def encode_id(place: Place) -> str:
    packed = (
        place.last.to_bytes(6, "big")
        + place.batch
        + place.part.to_bytes(2, "big")
        + place.row.to_bytes(2, "big")
        + bytes((place.shard,))
    )
    return b32encode(packed).decode().rstrip("=").lower()


def decode_id(text: str) -> Place | None:
    """The place an id names, or None where the text is no event id."""
    if len(text) != LENGTH or not text.isascii():
        return None
    try:
        packed = b32decode(text.upper() + "=" * (-LENGTH % 8))
    except ValueError:
        return None
    place = Place(
        last=int.from_bytes(packed[:6], "big"),
        batch=BatchId(packed[6:16]),
        part=int.from_bytes(packed[16:18], "big"),
        row=int.from_bytes(packed[18:20], "big"),
        shard=packed[20],
    )
    return place if encode_id(place) == text else None
