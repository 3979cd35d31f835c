"""The block codec."""

from chalicelib.events.block.dictionary import Dictionary
from chalicelib.events.block.errors import MAX_BLOB, TooLarge, UnreadableBlock
from chalicelib.events.block.header import VERSION, Header
from chalicelib.events.block.pack import Packed, pack, pack_merged
from chalicelib.events.block.parts import Part
from chalicelib.events.block.read import Block, open_block

__all__ = [
    "MAX_BLOB",
    "VERSION",
    "Block",
    "Dictionary",
    "Header",
    "Packed",
    "Part",
    "TooLarge",
    "UnreadableBlock",
    "open_block",
    "pack",
    "pack_merged",
]
