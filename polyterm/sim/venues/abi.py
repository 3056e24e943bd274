"""As much of the Ethereum contract ABI as the price feeds and Multicall3 need: words of 32 bytes."""

from typing import Final

import msgspec

WORD: Final = 32


class AbiError(ValueError):
    """The call data is not what the function takes."""


class SubCall(msgspec.Struct, frozen=True):
    """One element of ``aggregate3((address target, bool allowFailure, bytes callData)[])``; ``target`` is 0x-hex."""

    target: str
    allow_failure: bool
    data: bytes


def uint(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def sint(value: int) -> bytes:
    return value.to_bytes(WORD, "big", signed=True)


def string(text: str) -> bytes:
    """A single dynamic ``string`` result."""
    return uint(WORD) + _tail(text.encode())


def _tail(data: bytes) -> bytes:
    return uint(len(data)) + data + bytes(-len(data) % WORD)


def encode_results(results: list[tuple[bool, bytes]]) -> bytes:
    """``(bool success, bytes returnData)[]`` as a single dynamic result."""
    tuples = [uint(int(success)) + uint(2 * WORD) + _tail(data) for success, data in results]
    offsets, offset = [], WORD * len(tuples)
    for each in tuples:
        offsets.append(uint(offset))
        offset += len(each)
    return uint(WORD) + uint(len(tuples)) + b"".join(offsets) + b"".join(tuples)


def decode_subcalls(arguments: bytes) -> tuple[SubCall, ...]:
    """The calls of ``aggregate3``, without its selector.

    Raises:
        AbiError: the data ends early or points outside itself.
    """
    array = _word(arguments, 0)
    count = _word(arguments, array)
    body = array + WORD
    if count > len(arguments) // WORD:
        raise AbiError("more calls than data")
    calls = []
    for index in range(count):
        start = body + _word(arguments, body + WORD * index)
        data_at = start + _word(arguments, start + 2 * WORD)
        length = _word(arguments, data_at)
        data = arguments[data_at + WORD : data_at + WORD + length]
        if len(data) != length:
            raise AbiError("call data ends early")
        target = f"0x{_word(arguments, start):040x}"
        calls.append(SubCall(target, bool(_word(arguments, start + WORD)), data))
    return tuple(calls)


def _word(data: bytes, at: int) -> int:
    word = data[at : at + WORD]
    if len(word) != WORD:
        raise AbiError("arguments end early")
    return int.from_bytes(word, "big")
