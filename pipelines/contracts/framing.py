"""The frame around an Avro record on the wire (Confluent): a zero byte, the schema's id as a
big-endian 4-byte integer, then the record; and Avro's own way of writing whole numbers.
"""

HEADER_BYTES = 5


def header(schema_id: int) -> bytes:
    """Return the bytes with which every record of a schema begins."""
    return b"\x00" + schema_id.to_bytes(HEADER_BYTES - 1, "big")


def long(number: int) -> bytes:
    """Return a whole number as Avro's binary encoding has it: zigzag, seven bits a byte, the lowest
    first (Avro 1.12 specification, Binary Encoding).
    """
    left, out = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])
