"""Models that are NumPy arrays: one `.npz` file, read without running anything that is in it."""

import io
import zipfile
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.base.errors import ModelError

Arrays = dict[str, npt.NDArray[Any]]

# What a file may unfold to, all its arrays together: a broken or foreign one is not to fill the
# memory of those who look at it.
LARGEST_BYTES = 4 * 2**30


def packed(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return arrays as the bytes of a compressed `.npz` file, the same ones for the same arrays.

    Raises ModelError for an array of Python objects, which only a pickle could hold.
    """
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise ModelError(f"The arrays {', '.join(objects)} hold Python objects: make them numbers or fixed texts.")
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})
    return file.getvalue()


def unpacked(content: bytes, model: str) -> Arrays:
    """Return the arrays of a `.npz` file; `model` names whose they are, as in "Model fraud
    version 2".

    Raises ModelError where the file is broken, unfolds to more than LARGEST_BYTES, or holds
    anything but plain arrays.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            size = sum(each.file_size for each in file.infolist())
        if size > LARGEST_BYTES:
            raise ValueError(f"it unfolds to {size} bytes")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found: Arrays = {name: arrays[name] for name in arrays.files}
        if strangers := [name for name, array in found.items() if not isinstance(array, np.ndarray)]:
            raise ValueError(f"{', '.join(strangers)} is no array")
    except Exception as error:
        # There is no end to what zipfile and NumPy raise over bytes that are not theirs.
        raise ModelError(
            f"{model} is not a whole .npz file of plain arrays ({error!r}), so it is not loaded: build it again, or move the "
            "champion alias back."
        ) from error
    return found


def require(found: Arrays, names: Collection[str], model: str) -> None:
    """Raise ModelError where some of the arrays that a model is made of are not among those
    found.
    """
    if missing := set(names) - found.keys():
        raise ModelError(f"{model} lacks the arrays {', '.join(sorted(missing))}, so it is not loaded: build it again.")
