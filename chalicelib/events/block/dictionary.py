"""A version of a project's compression dictionary, ready to compress and to inflate."""

from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.block.frames import Compressor, ZstdDict, ZstdError


class Dictionary:
    """A version of a project's dictionary, ready to compress and to inflate.

    `version` counts from 1 within the project; `data` is what is stored.

    Raises:
        UnreadableBlock: the data is no zstd dictionary.
    """

    __slots__ = ("compressor", "data", "digest", "version")

    def __init__(self, version: int, data: bytes) -> None:
        if version < 1:
            raise ValueError("dictionaries count from 1")
        try:
            self.digest = ZstdDict(data)
        except (ValueError, ZstdError) as error:
            raise UnreadableBlock(f"dictionary {version} is damaged") from error
        self.version = version
        self.data = data
        self.compressor = Compressor(self.digest)
