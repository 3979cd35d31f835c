"""The block: a batch of events packed into one or two items, and the dictionary that a project's blocks share.

A block is written once and never changed. Its **scan item** answers most questions; its **detail item**, if it has one,
holds ids and metadata and is read for the rows that are shown, or when a question is about them.

All numbers are varints (seven bits a byte, lowest first) unless said otherwise; `±` marks a zigzag varint.
A frame is a zstd frame, level 9, with the dictionary, a checksum and its content's size, without its magic number.

Scan item
    byte 0     version << 4 | flags: 1 in rows, 2 detail is an item of its own, 4 merged
    header     dictionary (0: none)
               count of events
               last, last - first           timestamps in milliseconds
               ± received_at - last
               mask of the levels that occur; 32: counts are by minute
               counts                       of each level in the mask, for the whole or minute after minute
               merged: count of parts; count of replaced generations; the generations
               sizes of the sections that follow, but for the last
               detail an item of its own: 8 bytes, BLAKE2b of the detail item
    sections   in columns: [P] A M [K]      in rows: [P] R ids

    P  what a merged block was made of      frame, then the parts' batch ids, 10 bytes each
         columns (each with its size) of last, part, received_at - last, count; then the part of each row, in planes
    A  times and fields with few values     the first blocks of a frame that M ends, flushed so that it reads alone
         size, vocabularies of level, service, environment, type, device_type: words joined by 0xFF, each by 0xFE
         count of kinds, width of steps
         kind of each row                   planes: the lowest byte of every number, then the next of every number
         time steps                         planes
         for each field of more than one word: the place in its vocabulary for each kind, planes
    M  messages                             joined by 0xFF, which UTF-8 never holds
    K  ids and metadata                     size of its frame, frame, raw bytes; see `detail` and `columns`
    R  rows                                 frame of JSON lines; see `rows`
    ids                                     16 bytes for each new trace id, then 8 for each new span id

Detail item
    byte 0     version << 4 | 8
    K          as above

Sizes per event as DynamoDB counts the items are printed by `python -m benchmarks.sizes`. Up to 40 events rows are
smaller, because every column costs some bytes; above, columns are, and are far faster to scan. K becomes an item of its
own from 4 KB. Random ids stand outside the frames, where they would only spoil the statistics of what does compress.

A change of this layout takes a new version; every version stays readable, and its fixtures stay in the tests.
"""

from chalicelib.events.block.dictionary import Dictionary
from chalicelib.events.block.errors import MAX_BLOB, DetailMissing, TooLarge, UnreadableBlock
from chalicelib.events.block.header import VERSION, Header
from chalicelib.events.block.pack import Packed, pack, pack_merged
from chalicelib.events.block.parts import Part
from chalicelib.events.block.read import Block, open_block

__all__ = [
    "MAX_BLOB",
    "VERSION",
    "Block",
    "DetailMissing",
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
