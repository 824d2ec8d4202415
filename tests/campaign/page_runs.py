"""The runs of the pages campaign: what is broken for a seed, whether a page was right, and what the runs say together. Pure.

A run is healthy or has one fault. Of ten consecutive seeds three are healthy; the others take the kinds of fault in turn,
so that a hundred seeds are thirty healthy runs and as many of each kind as can be.
"""
import math
import random
from dataclasses import dataclass

from fault_pairs import draw_fault, group_of, parts_of
from faults import KINDS, SLOW_KINDS, Fault
from verdict import expected_component

FAULT_KINDS = tuple(kind for kind in (*KINDS, *SLOW_KINDS) if kind != "none")
HEALTHY_OF_TEN = (1, 4, 7)  # seed modulo ten


@dataclass(frozen=True)
class Demands:
    """What must hold over a hundred runs; shares and windows."""
    false_pages_max: int = 1  # in the healthy runs together
    wrong_share_max: float = 0.03  # of all pages
    page_median_max: float = 3
    page_p95_max: float = 6
    resolve_median_max: float = 6
    single_share_min: float = 0.95  # of the faults: exactly one incident


def draw(fabric, seed, kinds=FAULT_KINDS):
    """The fault of a seed; kind "none" in a healthy run."""
    if seed % 10 in HEALTHY_OF_TEN:
        return Fault("none")
    faults_before = seed // 10 * (10 - len(HEALTHY_OF_TEN)) + seed % 10 - sum(h < seed % 10 for h in HEALTHY_OF_TEN)
    return draw_fault(fabric, kinds[faults_before % len(kinds)], random.Random(f"pages {seed}"))


def judge_page(fabric, fault, page):
    """"right": the component is named, alone or in its ambiguity group; "part": a part of it is; "wrong": all else."""
    expected = expected_component(fault)
    if expected is None:
        return "wrong"
    if expected.id in group_of(page):
        return "right"
    return "part" if page["id"] in parts_of(fabric, fault) else "wrong"


def incidents_of(fabric, fault, alerts, began_at, healed_at, window):
    """One entry per incident that the alerts of a run opened, oldest first. Times are in windows, from the fault's begin to
    the page, and from healing to the resolve."""
    found = {}
    for alert in alerts:
        payload = alert.payload
        page = {"id": payload["component"]["id"], "ambiguous_with": payload["ambiguous_with"]}
        if alert.event == "opened" and alert.incident_id not in found:
            found[alert.incident_id] = {
                "incident": alert.incident_id, "kind": payload["component"]["kind"], "class": payload["class"], **page,
                "posterior": payload["posterior"], "page": judge_page(fabric, fault, page), "updates": 0,
                "paged_after": round((alert.received_at - began_at) / window, 2), "resolved_after": None, "reopened": 0,
                "summary": payload["summary"]}
        entry = found.get(alert.incident_id)
        if entry is None:
            continue  # of an incident that an earlier run opened
        if alert.event == "updated":
            entry["updates"] += 1
        elif alert.event == "resolved":
            entry["resolved_after"] = healed_at and round((alert.received_at - healed_at) / window, 2)
        elif entry["resolved_after"] is not None:
            entry["reopened"] += 1
        entry["last"] = judge_page(fabric, fault, page)
    return list(found.values())


def percentile(values, share):
    """By nearest rank; of nothing it is None. A value of infinity stands for what never came."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] if ranked else None


def figures(rows):
    """What the rows of some runs, of one kind or of all, say together."""
    faulty = [row for row in rows if row["kind"] != "none"]
    healthy = [row for row in rows if row["kind"] == "none"]
    pages = [page for row in rows for page in row["incidents"]]
    first = [min((p["paged_after"] for p in row["incidents"]), default=math.inf) for row in faulty]
    last = [max(p["resolved_after"] if p["resolved_after"] is not None else math.inf for p in row["incidents"])
            for row in faulty if row["incidents"]]
    return {
        "runs": len(rows), "healthy": len(healthy), "faulty": len(faulty), "pages": len(pages),
        "false": sum(len(row["incidents"]) for row in healthy), "product": sum(len(row["product"]) for row in rows),
        "wrong": sum(page["page"] == "wrong" for page in pages), "parts": sum(page["page"] == "part" for page in pages),
        "missed": sum(math.isinf(value) for value in first), "single": sum(len(row["incidents"]) == 1 for row in faulty),
        "page_median": percentile(first, 0.5), "page_p95": percentile(first, 0.95),
        "resolve_median": percentile(last, 0.5), "resolve_p95": percentile(last, 0.95)}


def verdicts(rows, demands=Demands()):
    """(what is demanded, what was measured, whether it holds) of all rows."""
    seen = figures(rows)
    wrong, of = seen["wrong"] + seen["parts"], max(1, seen["pages"])
    lines = [
        (f"false pages in {seen['healthy']} healthy runs: at most {demands.false_pages_max}", str(seen["false"]),
         seen["false"] <= demands.false_pages_max),
        (f"pages wrong: at most {demands.wrong_share_max:.0%}", f"{wrong} of {seen['pages']}, {wrong / of:.1%}",
         wrong / of <= demands.wrong_share_max)]
    if seen["faulty"]:
        single = seen["single"] / seen["faulty"]
        lines += [
            _at_most("fault to first page, median windows", seen["page_median"], demands.page_median_max),
            _at_most("fault to first page, p95 windows", seen["page_p95"], demands.page_p95_max),
            _at_most("heal to resolve, median windows", seen["resolve_median"], demands.resolve_median_max),
            (f"exactly one incident: in at least {demands.single_share_min:.0%} of faults",
             f"{seen['single']} of {seen['faulty']}, {single:.1%}", single >= demands.single_share_min)]
    return lines


def _at_most(what, value, limit):
    return f"{what}: at most {limit:g}", cell(value), value is not None and value <= limit


COLUMNS = ("fault", "runs", "pages", "false", "wrong", "parts", "missed", "one incident", "page median", "page p95",
           "resolve median", "resolve p95", "product alerts")


def table(rows):
    """Cells of one line per kind, and of all."""
    kinds = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    return [_line(kind, some) for kind, some in sorted(kinds.items())] + [_line("all", rows)]


def _line(name, rows):
    seen = figures(rows)
    return [name] + [cell(seen[key]) for key in (
        "runs", "pages", "false", "wrong", "parts", "missed", "single", "page_median", "page_p95", "resolve_median",
        "resolve_p95", "product")]


def cell(value):
    if value is None:
        return "-"
    return "never" if math.isinf(value) else f"{value:.1f}" if isinstance(value, float) else str(value)
