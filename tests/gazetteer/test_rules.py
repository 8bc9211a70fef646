"""What a sentence asks for."""

from __future__ import annotations

import pytest

from cityops.gazetteer.rules import Asked, Crossing, Name, Offset, Plate, fold, initials, latin, numeral, parse, plate_name


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("人民公园", Name("人民公园")),
        ("人民公园附近", Name("人民公园")),
        ("梅溪路86号", Plate("梅溪路", 86)),
        ("梅溪路 ８６ 号", Plate("梅溪路", 86)),
        ("梅溪路八十六号", Plate("梅溪路", 86)),
        ("八一路一二〇号", Plate("八一路", 120)),
        ("梅溪路86-2号", Plate("梅溪路", 86, "-2")),
        ("梅溪路86之2号院", Plate("梅溪路", 86, "-2")),
        ("12 Rue Grimaldi", Plate("rue grimaldi", 12)),
        ("Mannerheimintie 5b", Plate("mannerheimintie", 5, "b")),
        ("人民路与建设路交叉口", Crossing("人民路", "建设路")),
        ("人民路和和平路路口", Crossing("人民路", "和平路")),
        ("中和路与七一路交汇处", Crossing("中和路", "七一路")),
        ("人民路建设路交叉口", Crossing("人民路", "建设路")),
        ("人民路与建设路口", Crossing("人民路", "建设路")),
        ("corner of Rue Grimaldi and Rue Caroline", Crossing("rue grimaldi", "rue caroline")),
        ("人民公园以北50米", Offset("人民公园", 0.0, 50.0)),
        ("人民公园 以北 50 米", Offset("人民公园", 0.0, 50.0)),
        ("人民路与建设路交叉口东南五十米", Offset("人民路与建设路交叉口", 135.0, 50.0)),
        ("梅溪路86号西侧约1.5公里处", Offset("梅溪路86号", 270.0, 1500.0)),
        ("50 m north of People's Park", Offset("people's park", 0.0, 50.0)),
    ],
)
def test_the_forms_of_an_address_are_told_apart(said: str, asked: Asked) -> None:
    assert parse(said) == asked


@pytest.mark.parametrize(
    ("written", "number"), [("八十六", 86), ("十", 10), ("一百零二", 102), ("二〇三", 203), ("两千", 2000), ("十二", 12)]
)
def test_chinese_numerals_are_read_by_value_and_digit_by_digit(written: str, number: int) -> None:
    assert numeral(written) == number


def test_a_name_is_folded_spelt_and_shortened() -> None:
    assert fold(" 人民路（北段） ") == "人民路北段"
    assert latin("人民路") == "renminlu" and initials("人民路") == "rml"
    assert latin("长江路") == "changjianglu"
    assert latin("Avenue de l'Été") == "avenuedelete" and initials("Avenue de l'Été") == "adle"


def test_a_plate_is_named_as_its_street_is_written() -> None:
    assert plate_name("梅溪路", 86, "-2") == "梅溪路86-2号"
    assert plate_name("Rue Grimaldi", 12, "b") == "12b Rue Grimaldi"
