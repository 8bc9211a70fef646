"""Codes: their form, their level, their end at 999."""

from __future__ import annotations

import pytest
import shapely

from cityops.grid.errors import CellSequenceExhausted, CodeInvalid
from cityops.grid.rules.numbering import cell_code, is_cell_code, level_of, number_cells


def test_a_code_says_its_level() -> None:
    assert [level_of(code) for code in ("411303", "411303005", "411303005003")] == ["district", "street", "community"]


@pytest.mark.parametrize("code", ["", "4113", "41130300500３", "411303005003017", "41130a"])
def test_what_is_no_division_code_is_refused(code: str) -> None:
    with pytest.raises(CodeInvalid):
        level_of(code)


def test_a_cell_code_is_the_community_and_three_digits() -> None:
    assert cell_code("411303005003", 17) == "411303005003017"
    assert is_cell_code("411303005003017")
    assert not any(map(is_cell_code, ["411303005003000", "41130300500301", "4113030050030170", "41130300500301x", None, 411303005003017]))


@pytest.mark.parametrize("sequence", [0, -1, 1000])
def test_there_is_no_cell_beyond_999(sequence: int) -> None:
    with pytest.raises(CellSequenceExhausted):
        cell_code("411303005003", sequence)


def test_a_community_that_would_overflow_is_refused_before_any_code_is_given() -> None:
    cells = [shapely.box(i, 0, i + 1, 1) for i in range(3)]
    with pytest.raises(CellSequenceExhausted) as caught:
        number_cells("411303005003", cells, ["411303005003997"])
    assert "411303005003" in caught.value.message
