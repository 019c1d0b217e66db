"""Container images, as tests ask for them."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.sdists import extension
from wheelyard.domain.build import BuiltWheel

Image = Callable[..., str]


BuildAll = Callable[..., dict[str, BuiltWheel]]


# `answer()` is what the library says: a wheel that did not get it cannot even be imported.
BLIS = extension(
    "dotted",
    answer="dot()",
    more="long bli_info_get_int_type_size(void);\nstatic long dot(void) { return bli_info_get_int_type_size(); }\n",
)
