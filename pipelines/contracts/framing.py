"""The frame around an Avro record on the wire (Confluent): a zero byte, the schema's id as a
big-endian 4-byte integer, then the record; and Avro's own way of writing whole numbers.
"""

HEADER_BYTES = 5


def header(schema_id: int) -> bytes:
    """Return the bytes with which every record of a schema begins."""
    return b"\x00" + schema_id.to_bytes(HEADER_BYTES - 1, "big")


def varint(number: int) -> bytes:
    """Return a whole number from 0 on in seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def long(number: int) -> bytes:
    """Return a whole number as Avro's binary encoding has it: zigzag, then seven bits a byte
    (Avro 1.12 specification, Binary Encoding).
    """
    return varint(number << 1 if number >= 0 else ~(number << 1))


def read_long(encoded: bytes, position: int) -> tuple[int, int]:
    """Return the whole number that begins at a position, and the position behind it."""
    number = shift = 0
    while True:
        byte = encoded[position]
        number |= (byte & 0x7F) << shift
        position += 1
        if not byte & 0x80:
            return (number >> 1) ^ -(number & 1), position
        shift += 7
