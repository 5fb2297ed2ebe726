"""The picture of who imports whom, drawn from the imports themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import grimp

PUBLIC = "what plugins build on"
HOST = "manager and options"
BUILT_IN = "the host's own plugin"
RUNS = "runs"
GROUPS = {
    **dict.fromkeys(("abilities", "errors", "hookspecs", "lines", "options", "protocols", "types"), PUBLIC),
    **dict.fromkeys(("manager", "plan", "probing", "run_options"), HOST),
    "builtin": BUILT_IN,
}
WIDTH, HEIGHT, GAP, ROW = 150, 40, 24, 96
STYLE = (
    "<style>text{font:13px sans-serif;text-anchor:middle;fill:#222}rect{fill:#eef3f8;stroke:#4a6785}"
    "path{fill:none;stroke:#8aa0b6}</style>"
)


def drawn(package: str) -> str:
    """An SVG: each group of modules a box, above those that it imports.

    Small modules that everything may use are left out, and lines that others imply.
    """
    edges = groups(package)
    levels = _levels(edges)
    rows: dict[int, list[str]] = defaultdict(list)
    for name in sorted(levels):
        rows[levels[name]].append(name)
    widest = max(len(row) for row in rows.values()) * (WIDTH + GAP) + GAP
    places = {}
    for level, row in rows.items():
        left = (widest - len(row) * (WIDTH + GAP) + GAP) // 2
        for number, name in enumerate(row):
            places[name] = (left + number * (WIDTH + GAP), GAP + (max(rows) - level) * ROW)
    lines = [_line(places[one], places[other]) for one in edges for other in sorted(_nearest(one, edges))]
    boxes = [_box(name, *place) for name, place in places.items()]
    height = GAP + len(rows) * ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {widest} {height}" width="{widest}">'
    return "\n".join([head, STYLE, *lines, *boxes, "</svg>", ""])


def groups(package: str) -> Mapping[str, set[str]]:
    """Which group imports which others; the imports of types alone do not count."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    small = _small(graph, package)
    edges: dict[str, set[str]] = {}
    for module in sorted(graph.modules - {package} - small):
        one = _group(graph, module)
        imported = graph.find_modules_directly_imported_by(module) - {package} - small
        edges.setdefault(one, set()).update(_group(graph, other) for other in imported)
        edges[one].discard(one)
    return edges


def _small(graph: grimp.ImportGraph, package: str) -> set[str]:
    """Single modules that build on nothing but one another and what plugins build on."""
    single = {module for module in graph.modules if module.count(".") == 1 and not graph.find_children(module)}
    single = {module for module in single if module.split(".")[1] not in GROUPS}
    public = {f"{package}.{name}" for name, group in GROUPS.items() if group == PUBLIC}
    small: set[str] = set()
    while more := {one for one in single - small if graph.find_modules_directly_imported_by(one) <= small | public}:
        small |= more
    return small


def _group(graph: grimp.ImportGraph, module: str) -> str:
    """A package stands for itself, a single module for those of its kind."""
    package, name = module.split(".")[:2]
    if graph.find_children(f"{package}.{name}"):
        return name
    return GROUPS.get(name, RUNS)


def _levels(edges: Mapping[str, set[str]]) -> dict[str, int]:
    """How far above the lowest each stands; groups that import one another stand where the first is met."""
    levels: dict[str, int] = {}

    def level(name: str, above: tuple[str, ...]) -> int:
        if name not in levels:
            below = [level(other, (*above, name)) for other in sorted(edges[name]) if other not in above]
            levels[name] = 1 + max(below, default=-1)
        return levels[name]

    for name in sorted(edges):
        level(name, ())
    return levels


def _nearest(name: str, edges: Mapping[str, set[str]]) -> set[str]:
    """What it imports, without what something else that it imports leads to."""
    return {other for other in edges[name] if not any(other in _below(one, edges) for one in edges[name] - {other})}


def _below(name: str, edges: Mapping[str, set[str]]) -> set[str]:
    return edges[name].union(*(_below(other, edges) for other in edges[name]))


def _line(one: tuple[int, int], other: tuple[int, int]) -> str:
    begin, end = one[0] + WIDTH // 2, other[0] + WIDTH // 2
    return f'<path d="M{begin} {one[1] + HEIGHT} C{begin} {one[1] + ROW} {end} {other[1] - GAP} {end} {other[1]}"/>'


def _box(name: str, left: int, top: int) -> str:
    return (
        f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{left + WIDTH // 2}" y="{top + HEIGHT // 2 + 5}">{name}</text>'
    )
