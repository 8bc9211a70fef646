"""A messy synthetic community in metres: streets that end anywhere or double each other, buildings that may stand in the road."""

from __future__ import annotations

import numpy as np
import shapely


def town(seed: int, *, size_m: float = 900.0, buildings: int = 400, in_the_road: float = 0.03) -> tuple[shapely.Polygon, list, list]:
    """Community, streets, buildings."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, np.pi / 2)
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corner = np.linspace(0, 2 * np.pi, 13)[:-1]
    community = shapely.Polygon(rng.uniform(0.7, 1.2, (12, 1)) * size_m / 2 * np.column_stack([np.cos(corner), np.sin(corner)]))
    streets = []
    for x in np.cumsum(rng.uniform(40, 220, 20)) - size_m:
        streets.append(shapely.LineString(np.array([[x, -size_m], [x + rng.normal(0, 20), 0], [x, size_m]]) @ turned))
    for y in np.cumsum(rng.uniform(40, 220, 20)) - size_m:
        begin, end = np.sort(rng.uniform(-size_m, size_m, 2))
        streets.append(shapely.LineString(np.array([[begin, y], [end, y + rng.normal(0, 10)]]) @ turned))
    streets += [shapely.transform(line, lambda c: c + rng.normal(0, 0.3, c.shape)) for line in streets[::3]]
    streets += [shapely.MultiLineString(streets[:2]), shapely.LineString(), shapely.LineString([(0, 0), (0, 0)]), streets[0]]
    road = shapely.union_all(streets).buffer(5)
    stand = []
    for _ in range(buildings):
        x, y = rng.uniform(-size_m / 1.6, size_m / 1.6, 2)
        width, depth = rng.uniform(8, 60), rng.uniform(8, 18)
        shape = shapely.Polygon(np.array([[x, y], [x + width, y], [x + width, y + depth], [x, y + depth]]) @ turned)
        if not shape.intersects(road) or rng.random() < in_the_road:
            stand.append(shape)
    return community, streets, stand
