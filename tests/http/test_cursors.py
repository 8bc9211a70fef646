"""Cursors survive the round trip and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityops.http.paging import CursorNotUnderstood, decode_cursor, encode_cursor


@given(st.text(), st.integers())
def test_a_cursor_gives_back_its_sort_key(word: str, number: int) -> None:
    assert decode_cursor(encode_cursor(word, number), (str, int)) == (word, number)


@pytest.mark.parametrize("cursor", ["", "汉字", "bm90IGpzb24", "WzFd", "e30", "%%%"])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(CursorNotUnderstood):
        decode_cursor(cursor, (str, int))
