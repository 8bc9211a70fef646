"""Two years of cases in order of time: what is reported, how each case goes, and what lies on every desk now.

Cases are made a few days at a time and written at once, so memory does not grow with their number. Last of all, desks
are given open work on purpose: some in time, some soon due, some late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from cityops.cases.workflow import case_workflow
from cityops.sample import mix
from cityops.sample.anchors import Anchors
from cityops.sample.chronicle import (
    CASE_COLUMNS,
    CASE_PHOTO_COLUMNS,
    EVENT_COLUMNS,
    PHOTO_COLUMNS,
    TASK_COLUMNS,
    Camera,
    Lives,
    Pages,
    Subject,
    write_lives,
)
from cityops.sample.copying import copy_lines, copy_rows, point_ewkb
from cityops.sample.desks import Desks, Router
from cityops.sample.openwork import OpenWork, plan_open_work
from cityops.sample.pictures import Album
from cityops.sample.standards_table import Standard, read_standards, standard_of
from cityops.sample.terrain import Floats, random
from cityops.sample.timeline import PATTERNS, Limits, Timekeeper
from cityops.sample.worktime import DAY_US, DeskTime, Instants, WorkTime, counted_us, is_working, to_us
from cityops.sample.writing import Writer
from cityops.standards.queries import calendar_for

BATCH = 4_000
PHOTO_DAYS = 14
"""Cases reported in the last days carry photos; older ones lost theirs, as archives do."""
LATE_SHARE = {"AD": 0.002, "SN": 0.085, "GR": 0.05}
LATE_OTHERS = 0.07
VERIFIED_SOURCES = ("hotline", "public", "transfer")


@dataclass(frozen=True)
class Told:
    """How many rows were written."""

    cases: int
    events: int


class Story:
    """Everything that is needed to tell what happened in a city."""

    def __init__(
        self, session: Session, cursor: psycopg.Cursor[tuple[object, ...]], anchors: Anchors, router: Router, desks: Desks,
        *, seed: int, cases: int, since: datetime, until: datetime, album: Album,
    ) -> None:  # fmt: skip
        self.cursor = cursor
        self.anchors = anchors
        self.router = router
        self.desks = desks
        self.seed = seed
        self.total = cases
        self.since = since
        calendar = calendar_for(session)
        zone = calendar.zone
        self.first_day: date = since.astimezone(zone).date()
        self.last_day: date = until.astimezone(zone).date()
        self.until_us = to_us(until)
        work = WorkTime(calendar, self.first_day - timedelta(days=60), self.last_day + timedelta(days=500))
        self.offset_us = work.offset_us
        self.flow = case_workflow()
        self.keeper = Timekeeper(self.flow, work, DeskTime(work.offset_us), random(seed, 40))
        self.table = mix.kinds()
        self.standards: dict[tuple[str, str, str], list[Standard]] = read_standards(session, self.first_day)
        self.table = [one for one in self.table if (one.edition, one.kind, one.class_code) in self.standards]
        self.weights = mix.class_weights(self.table)
        self.lonlat = np.concatenate(anchors.lonlat)
        self.cumulative = np.cumsum(anchors.weight)
        self.by_class = self._anchors_by_class()
        self.counters: dict[tuple[str, int], int] = {}
        self.next_id = 1
        self.events = 0
        self.camera = Camera(album)

    def _anchors_by_class(self) -> dict[str, tuple[NDArray[np.int64], Floats]]:
        codes = np.array(self.anchors.class_code)
        weight = np.array(self.anchors.weight)
        out = {}
        for one in self.table:
            if one.kind == "component":
                own = np.flatnonzero(codes == one.class_code)
                if len(own):
                    out[one.class_code] = (own, np.cumsum(weight[own]))
        return out

    def tell(self, open_cases: int, demo_beats: list[int], advance: Callable[[int], None]) -> Told:
        """Write all cases; `open_cases` of each open state are placed on the desks on purpose. `advance` hears of progress."""
        rng = random(self.seed, 41)
        open_work = plan_open_work(self, open_cases, demo_beats, random(self.seed, 42))
        days = (self.last_day - self.first_day).days + 1
        counts = mix.daily_counts(self.total - len(open_work), self.first_day, days, rng)
        day = 0
        with Writer() as writer:
            while day < days:
                stop = day + 1
                while stop < days and counts[day : stop + 1].sum() <= BATCH:
                    stop += 1
                for pages in self._pages(day, counts[day:stop], open_work, rng):
                    self.events += len(pages.events)
                    writer.put(partial(self._write, pages))
                    advance(len(pages.cases))
                day = stop
        copy_rows(
            self.cursor, "cases.number_counters", ("district", "counted_on", "last"),
            [(district, date.fromordinal(on), last) for (district, on), last in sorted(self.counters.items())],
        )  # fmt: skip
        return Told(self.next_id - 1, self.events)

    def _pages(self, day: int, counts: NDArray[np.int64], open_work: list[OpenWork], rng: np.random.Generator) -> Iterator[Pages]:
        """The cases of some days in order of their report, at most `BATCH` at a time however many a day has."""
        days = np.repeat(np.arange(day, day + len(counts)), counts)
        months = np.array([(self.first_day + timedelta(days=int(d))).month - 1 for d in range(day, day + len(counts))])
        classes = np.empty(len(days), dtype=np.int64)
        month_of = np.repeat(months, counts)
        for month in np.unique(months):
            own = np.flatnonzero(month_of == month)
            classes[own] = mix.pick(np.cumsum(self.weights[month]), rng, len(own))
        start = self._midnight(0) + days * DAY_US
        reported = start + mix.seconds_of_day(self.table, classes, rng) * 1_000_000
        # On the last day nothing is reported after now: what would come later came earlier the same day.
        late = reported >= self.until_us
        day_start = np.minimum(start, self.until_us - 60_000_000)
        reported[late] = (
            (day_start + (self.until_us - day_start) * rng.random(len(days)) ** 0.7)[late].astype(np.int64) // 1_000_000 * 1_000_000
        )
        source = rng.choice(len(mix.SOURCES), len(days), p=mix.SOURCE_SHARES)
        anchor = self.choose_anchors(classes, rng)
        pattern = self._patterns(source, rng)

        first, end = self._midnight(day), self._midnight(day + len(counts))
        planned = [one for one in open_work if (first <= one.times[0] < end) or (day == 0 and one.times[0] < first)]
        times0 = np.concatenate((reported, np.array([one.times[0] for one in planned], dtype=np.int64)))
        order = np.argsort(times0, kind="stable")
        ids = np.empty(len(order), dtype=np.int64)
        ids[order] = np.arange(self.next_id, self.next_id + len(order))
        self.next_id += len(order)
        all_anchors = np.concatenate((anchor, np.array([one.anchor for one in planned], dtype=np.int64)))
        numbers = self._numbers(times0, all_anchors, order)
        natural = len(reported)
        recent = reported >= self.until_us - PHOTO_DAYS * DAY_US
        for piece in np.array_split(order, max(1, -(-len(order) // BATCH))):
            pages = Pages()
            own = np.sort(piece[piece < natural])
            subjects = self._subjects(
                classes[own], source[own], anchor[own], ids[own], [numbers[k] for k in own.tolist()], recent[own], rng
            )
            for number, name in enumerate(PATTERNS):
                alike = np.flatnonzero(pattern[own] == number)
                if len(alike):
                    self._live(name, [subjects[k] for k in alike.tolist()], reported[own[alike]], rng, pages)
            for k in np.sort(piece[piece >= natural]).tolist():
                self._lie_open(planned[k - natural], int(ids[k]), numbers[k], rng, pages)
            pages.files = self.camera.album.fresh()
            yield pages

    def _lie_open(self, one: OpenWork, case_id: int, number: str, rng: np.random.Generator, pages: Pages) -> None:
        """A case that was planned to lie on a desk."""
        kind, source, anchor = np.array([one.kind]), np.array([one.source]), np.array([one.anchor])
        subjects = self._subjects(kind, source, anchor, np.array([case_id]), [number], np.array([True]), rng)
        steps = PATTERNS[one.pattern]
        times = one.times[None, :]
        length = times.shape[1]
        clocks = self.keeper.state_clocks(steps[:length], times, self.limits(subjects))
        write_lives(Lives(one.pattern, steps, subjects, times, np.array([length]), clocks), self.flow, self.desks, self.camera, pages)

    def _midnight(self, day: int) -> int:
        """The instant a day of the sample begins, local time."""
        return (self.first_day.toordinal() - date(1970, 1, 1).toordinal() + day) * DAY_US - self.offset_us

    def choose_anchors(self, classes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """A place for each case: a component of the class for component cases, else anywhere where much happens."""
        out = mix.pick(self.cumulative, rng, len(classes))
        for number, one in enumerate(self.table):
            if one.kind == "component" and one.class_code in self.by_class:
                own = np.flatnonzero(classes == number)
                places, cumulative = self.by_class[one.class_code]
                out[own] = places[mix.pick(cumulative, rng, len(own))]
        return out

    def _patterns(self, source: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """How each case goes: most go through at once, a few are returned, reworked, found absent or voided."""
        names = list(PATTERNS)
        luck = rng.random(len(source))
        out = np.full(len(source), names.index("plain"))
        out[luck < 0.0020] = names.index("rework")
        out[(luck >= 0.0020) & (luck < 0.0095)] = names.index("returned")
        out[(luck >= 0.0095) & (luck < 0.0160)] = names.index("refused")
        out[(luck >= 0.0160) & (luck < 0.0230)] = names.index("unfiled")
        called = np.isin(source, [mix.SOURCES.index(one) for one in VERIFIED_SOURCES])
        out[called] = np.where(luck[called] < 0.09, names.index("absent"), names.index("verified"))
        out[source == mix.SOURCES.index("video")] = names.index("called")
        return out

    def _numbers(self, reported: Instants, anchor: NDArray[np.int64], order: NDArray[np.int64]) -> list[str]:
        """Case numbers: district, local day, and a serial that has no gap."""
        ordinal = (reported + self.offset_us) // DAY_US + date(1970, 1, 1).toordinal()
        out = [""] * len(reported)
        days: dict[int, str] = {}
        for k in order.tolist():
            on = int(ordinal[k])
            district = self.anchors.cell[anchor[k]][:6]
            serial = self.counters[(district, on)] = self.counters.get((district, on), 0) + 1
            text = days.get(on)
            if text is None:
                text = days[on] = date.fromordinal(on).strftime("%Y%m%d")
            out[k] = f"{district}-{text}-{serial:05d}"
        return out

    def _subjects(
        self,
        classes: NDArray[np.int64],
        source: NDArray[np.int64],
        anchor: NDArray[np.int64],
        ids: NDArray[np.int64],
        numbers: list[str],
        with_photos: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> list[Subject]:
        count = len(classes)
        on_component = np.array([self.table[k].kind == "component" for k in classes.tolist()], dtype=bool)
        # An event is seen some metres from the thing it is remembered by; a component is where it stands.
        shift = rng.normal(0.0, 1.5e-5, (count, 2)) * ~on_component[:, None]
        lonlat = np.round(self.lonlat[anchor] + shift, 7)
        lonlat[on_component] = self.lonlat[anchor][on_component]
        points = point_ewkb(lonlat)
        lon, lat = lonlat[:, 0].tolist(), lonlat[:, 1].tolist()
        amount = rng.integers(2, 12, count).tolist()
        accuracy = rng.integers(2, 9, count).tolist()
        out = []
        places = self.anchors
        for k, (which, where) in enumerate(zip(classes.tolist(), anchor.tolist(), strict=True)):
            one = self.table[which]
            standard = standard_of(self.standards[(one.edition, one.kind, one.class_code)], one.condition)
            component = one.kind == "component" and places.class_code[where] == one.class_code
            grade, cell = places.grade[where], places.cell[where]
            route = self.router.route(
                edition=one.edition, kind=one.kind, class_code=one.class_code, duty=standard.class_duty, condition_id=standard.id,
                condition_duty=standard.duty, maintainer_id=places.maintainer[where] if component else None, cell_code=cell,
            )  # fmt: skip
            origin = mix.SOURCES[source[k]]
            out.append(
                Subject(
                    id=int(ids[k]), number=numbers[k], source=origin, kind=one.kind, edition=one.edition, class_code=one.class_code,
                    condition_id=standard.id, limit_value=str(standard.limits[grade]), limit_unit=standard.unit,
                    component_id=places.component_id[where] if component else None,
                    component_code=places.component_code[where] if component else None,
                    description=one.phrase_zh.replace("{n}", str(amount[k])),
                    address=f"{places.street[where]}{places.number[where]}号{'门前' if amount[k] % 3 else '附近'}",
                    lon=lon[k], lat=lat[k], point=points[k], accuracy_m=accuracy[k] if origin == "inspector" else None,
                    cell_code=cell, beat_id=places.beat[where], area_grade=grade, route=route,
                    with_photos=bool(with_photos[k]),
                )
            )  # fmt: skip
        return out

    def limits(self, subjects: list[Subject]) -> Limits:
        """The disposal limits of cases in counted microseconds."""
        known: dict[tuple[str, str], tuple[int, bool]] = {}
        amounts, working = [], []
        for subject in subjects:
            key = (subject.limit_value, subject.limit_unit)
            if key not in known:
                known[key] = (counted_us(Decimal(key[0]), key[1], self.keeper.work.day_us), is_working(key[1]))
            amounts.append(known[key][0])
            working.append(known[key][1])
        return Limits(np.array(amounts, dtype=np.int64), np.array(working, dtype=bool))

    def _live(self, name: str, subjects: list[Subject], reported: Instants, rng: np.random.Generator, pages: Pages) -> None:
        steps = PATTERNS[name]
        limits = self.limits(subjects)
        late = np.array([LATE_SHARE.get(self._duty(subject), LATE_OTHERS) for subject in subjects])
        share = np.where(
            rng.random(len(subjects)) < late, 1.04 + rng.exponential(0.5, len(subjects)), 0.03 + 0.92 * rng.beta(1.7, 2.6, len(subjects))
        )
        times = self.keeper.forward(steps, reported, limits, share)
        length = (times <= self.until_us).sum(axis=1)
        clocks = self.keeper.state_clocks(steps, times, limits)
        write_lives(Lives(name, steps, subjects, times, length, clocks), self.flow, self.desks, self.camera, pages)

    def _duty(self, subject: Subject) -> str:
        return self.router.code_of(subject.route.department_id)[:2]

    def _files(self, pages: Pages) -> list[tuple[object, ...]]:
        made = self.since.isoformat()
        return [
            (f"\\x{one.digest}", "image/jpeg", one.size_bytes, one.width, one.height, one.thumb_size_bytes, made) for one in pages.files
        ]

    def _write(self, pages: Pages) -> None:
        copy_lines(self.cursor, "cases.cases", CASE_COLUMNS, pages.cases)
        copy_lines(self.cursor, "cases.events", EVENT_COLUMNS, pages.events)
        copy_lines(self.cursor, "cases.tasks", TASK_COLUMNS, pages.tasks)
        copy_rows(
            self.cursor,
            "media.files",
            ("digest", "mime", "size_bytes", "width", "height", "thumb_size_bytes", "created_at"),
            self._files(pages),
        )
        copy_lines(self.cursor, "media.photos", PHOTO_COLUMNS, pages.photos)
        copy_lines(self.cursor, "cases.photos", CASE_PHOTO_COLUMNS, pages.case_photos)
