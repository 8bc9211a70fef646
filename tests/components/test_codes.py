"""Codes under fifty writers at once: none twice, none lost."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from cityops.components import operations as op
from cityops.components.codes import next_code, take_numbers
from cityops.components.errors import CodeInvalid
from cityops.components.operations import NewComponent
from cityops.components.queries import by_code
from cityops.components.rules import CodeFormat
from cityops.db.engine import make_engine
from cityops.db.session import unit_of_work
from tests.factories.components import LAMP, MANHOLE, NOW, TREE, Register, make_register

WRITERS = 50
CODES_EACH = 200


@pytest.fixture(scope="module")
def busy(database: Engine) -> Iterator[Engine]:
    """An engine with a connection for every writer."""
    made = make_engine(database.url.render_as_string(hide_password=False), pool_size=WRITERS, max_overflow=0)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def city(database: Engine) -> Register:
    with unit_of_work(database) as session:
        return make_register(session)


class Abandoned(Exception):
    """A writer's transaction is given up on purpose."""


def all_at_once(work: list) -> None:
    """Run every piece of work in a thread of its own, starting together; raises the first error."""
    start, errors = threading.Barrier(len(work)), []

    def run(piece) -> None:
        try:
            start.wait()
            piece()
        except Exception as error:  # carried to the main thread, which raises it
            errors.append(error)

    threads = [threading.Thread(target=run, args=(piece,)) for piece in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_fifty_writers_take_ten_thousand_codes_without_a_duplicate_or_a_gap(busy: Engine) -> None:
    form, given = CodeFormat(), [[] for _ in range(WRITERS)]

    def writer(number: int):
        def work() -> None:
            taken = 0
            attempt = 0
            while taken < CODES_EACH:
                attempt += 1
                prefix = ("4113039901", "4113039902")[attempt % 2]
                try:
                    with unit_of_work(busy) as session:
                        codes = [next_code(session, form, prefix) for _ in range(min(1 + attempt % 7, CODES_EACH - taken))]
                        if attempt % 11 == 0:
                            raise Abandoned
                except Abandoned:
                    continue
                given[number] += codes
                taken += len(codes)

        return work

    all_at_once([writer(number) for number in range(WRITERS)])
    codes = [code for codes in given for code in codes]
    assert len(codes) == WRITERS * CODES_EACH
    assert [code for code, times in Counter(codes).items() if times > 1] == []
    numbers = defaultdict(list)
    for code in codes:
        numbers[code[:10]].append(int(code[10:]))
    for prefix, of_prefix in numbers.items():
        assert sorted(of_prefix) == list(range(1, len(of_prefix) + 1)), f"a gap under {prefix}"


def test_single_writers_and_batches_share_the_counters_without_deadlock(busy: Engine, city: Register) -> None:
    """Batches lock their prefixes in one order; single registrations and recodings go on between them."""
    classes = [LAMP, MANHOLE, TREE]
    codes: list[str] = []

    def batch(number: int):
        def work() -> None:
            order = classes[number % 3 :] + classes[: number % 3]
            spots = [city.spot(cell) for cell in range(60)]
            with unit_of_work(busy) as session:
                made = op.register_many(session, None, NOW, op.Registrations(class_code=[order[n % 3] for n in range(60)], geom=spots))
            codes.extend(str(code) for code in made.codes)

        return work

    def single(number: int):
        def work() -> None:
            for n in range(5):
                with unit_of_work(busy) as session:
                    made = op.register(session, None, NOW, NewComponent(class_code=classes[(number + n) % 3], geom=city.spot(n)))
                codes.append(made.code)

        return work

    all_at_once([batch(n) for n in range(10)] + [single(n) for n in range(40)])
    assert len(codes) == len(set(codes)) == 10 * 60 + 40 * 5
    with unit_of_work(busy) as session:
        stored = session.execute(text("SELECT code FROM components.components")).scalars().all()
        last = dict(session.execute(text("SELECT prefix, last FROM components.code_counters WHERE prefix NOT LIKE '41130399%'")).all())
    assert sorted(stored) == sorted(codes)
    assert sum(last.values()) == len(codes), "a number was taken and not used"


def test_two_writers_of_one_component_do_not_overwrite_each_other(busy: Engine, city: Register) -> None:
    with unit_of_work(busy) as session:
        lamp = op.register(session, None, NOW, NewComponent(class_code=LAMP, geom=city.spot(3)))

    def writer(number: int):
        def work() -> None:
            with unit_of_work(busy) as session:
                op.update(session, None, NOW, lamp.code, op.ComponentChange(attributes={f"k{number}": number}), reason="seen on patrol")

        return work

    all_at_once([writer(n) for n in range(20)])
    with unit_of_work(busy) as session:
        found = by_code(session, lamp.code)
        versions = (
            session.execute(text("SELECT version FROM components.history WHERE id = :id ORDER BY version"), {"id": lamp.id}).scalars().all()
        )
    assert found is not None
    assert found.attributes == {f"k{n}": n for n in range(20)}
    assert found.version == 21 and versions == list(range(1, 21))


def test_numbers_are_taken_for_several_prefixes_in_one_step(session) -> None:
    form = CodeFormat()
    assert take_numbers(session, form, {"4113039903": 3, "4113039904": 1}) == {"4113039903": 1, "4113039904": 1}
    assert take_numbers(session, form, {"4113039903": 2}) == {"4113039903": 4}


@pytest.mark.parametrize("form", [CodeFormat(), CodeFormat(6, 5, 5), CodeFormat(6, 4, 8)])
def test_a_code_is_taken_apart_as_it_was_put_together(form: CodeFormat) -> None:
    prefix = form.prefix("411303005003017", "0" * (form.class_ - 1) + "7")
    code = form.code(prefix, 42)
    assert form.split(code) == ("411303", "0" * (form.class_ - 1) + "7", 42)
    with pytest.raises(CodeInvalid):
        form.split(code + "0")
    with pytest.raises(CodeInvalid):
        form.prefix("411303005003017", "1")
