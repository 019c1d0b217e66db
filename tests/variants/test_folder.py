"""What is refused of a whole folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.packages import make_wheel
from tests.support.variant_tables import variant
from wheelyard.domain.errors import VariantError
from wheelyard.domain.site import Entry, Wheel
from wheelyard.stages import variants
from wheelyard.store.blobs import Store

MKL = variant(name="mkl", blas="mkl")


def entry(store: Store, folder: Path, name: str, content: bytes) -> Entry:
    path = make_wheel(folder, name, "1.0", tag="cp312-cp312-linux_x86_64", files={f"{name}/x.so": b"\x7fELF" + content})
    wheel = Wheel(filename=path.name, sha256=store.add_file(path), size=1, name=name, version="1.0")
    return Entry(wheel=wheel, origin="built", source="")


def test_mixed_blas_in_one_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    numpy = entry(store, tmp_path, "numpy", b"mkl_serv_allocate")
    scipy = entry(store, tmp_path, "scipy", b"OPENBLAS_NUM_THREADS")
    plain = entry(store, tmp_path, "plain", b"nothing")
    variants.check_folder(MKL, "el9.mkl", (numpy, plain), store)
    with pytest.raises(VariantError, match=r"mixed BLAS .* scipy-1\.0-.* brings openblas") as caught:
        variants.check_folder(MKL, "el9.mkl", (numpy, plain, scipy), store)
    assert caught.value.where == "targets/el9.mkl"
    level_only = variant(name="v3", simd="x86-64-v3")
    variants.check_folder(level_only, "el9.v3", (numpy, scipy), store)
