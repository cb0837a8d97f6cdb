"""Arrays come back from their file as they were, and anything but plain arrays is refused in one
sentence, unread.
"""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from pipelines.base.errors import ModelError
from pipelines.models import arrays

SHAPES = nps.array_shapes(max_dims=2, min_side=0)
PLAIN = st.sampled_from(["i8", "u8", "f4", "u1", "U7", "?"]).flatmap(lambda kind: nps.arrays(kind, SHAPES))
REFUSED = r"Model shelf version 2 is not a whole \.npz file of plain arrays .*, so it is not loaded: build it again"


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), PLAIN, max_size=4))
def test_what_was_packed_comes_back_and_is_the_same_bytes_each_time(made: dict[str, np.ndarray]) -> None:
    content = arrays.packed(made)
    found = arrays.unpacked(content, "a model")
    assert found.keys() == made.keys()
    for name, array in made.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert arrays.packed(dict(reversed(made.items()))) == content


def pickled(ran: Path) -> bytes:
    """Return the bytes of an array of objects which, where they are unpickled, make a file."""

    class Evil:
        def __reduce__(self):
            return Path.touch, (ran,)

    file = io.BytesIO()
    np.savez(file, numbers=np.arange(3), words=np.array([Evil()], object))
    return file.getvalue()


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    content = pickled(tmp_path / "ran")
    with pytest.raises(ModelError, match=REFUSED):
        arrays.unpacked(content, "Model shelf version 2")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ModelError, match="The arrays words hold Python objects"):
        arrays.packed({"words": np.array([{}], object)})


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_a_damaged_file_is_refused(cut: int) -> None:
    content = arrays.packed({"numbers": np.arange(1000)})
    with pytest.raises(ModelError, match=REFUSED):
        arrays.unpacked(content[:cut], "Model shelf version 2")


def test_every_damaged_byte_of_the_data_is_noticed() -> None:
    content = bytearray(arrays.packed({"numbers": np.random.default_rng(7).random(1000)}))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(ModelError, match=REFUSED):
        arrays.unpacked(bytes(content), "Model shelf version 2")


@pytest.mark.parametrize(
    "content", [b"", b"only words", pickle.dumps([1]), np.arange(3).tobytes()], ids=["nothing", "words", "a pickle", "bytes"]
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match=REFUSED):
        arrays.unpacked(content, "Model shelf version 2")


def a_zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as into:
        for name, member in members.items():
            into.writestr(name, member)
    return file.getvalue()


def test_a_member_that_is_no_array_and_one_that_unfolds_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="readme is no array"):
        arrays.unpacked(a_zip(readme=b"words"), "Model shelf version 2")
    monkeypatch.setattr(arrays, "LARGEST_BYTES", 1_000_000)
    with pytest.raises(ModelError, match="it unfolds to 8000128 bytes"):
        arrays.unpacked(arrays.packed({"zeros": np.zeros(1_000_000)}), "Model shelf version 2")
