"""Whether an answer is right, and the table of a campaign. Pure."""
import statistics

HEALTHY = "healthy"
COLUMNS = ("kind", "cases", "right", "seconds", "answers")
SOUND_LEVELS = ("ok", "warn")


def judge(case, document):
    """Right: the verdict's code is one of the case's, or, where that is enough, a finding's. A healthy pair must not fail."""
    verdict = document["verdict"]
    if case.codes == (HEALTHY,):
        return verdict["level"] in SOUND_LEVELS
    if verdict["code"] in case.codes:
        return True
    return any(finding["code"] in case.fires for finding in document["findings"])


def row_of(kind, seed, case, document, seconds):
    verdict = document["verdict"]
    return {"kind": kind, "seed": seed, "a": case.a, "b": case.target or case.b, "what": case.what, "expected": list(case.codes),
            "code": verdict["code"], "level": verdict["level"], "sentence": verdict["sentence"], "right": judge(case, document),
            "findings": [finding["code"] for finding in document["findings"]], "seconds": round(seconds, 2)}


def broken_row(kind, seed, case, error):
    """The product gave no answer: wrong."""
    return {"kind": kind, "seed": seed, "a": case.a, "b": case.target or case.b, "what": case.what, "expected": list(case.codes),
            "code": "", "level": "", "sentence": error, "right": False, "findings": [], "seconds": None}


def table(rows):
    lines = [COLUMNS]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of_kind = [row for row in rows if row["kind"] == kind]
        seconds = [row["seconds"] for row in of_kind if row["seconds"] is not None]
        wrong = sorted({row["code"] or "none" for row in of_kind if not row["right"]})
        lines.append((kind, str(len(of_kind)), str(sum(row["right"] for row in of_kind)),
                      f"{statistics.median(seconds):.1f}" if seconds else "-", "wrong: " + ", ".join(wrong) if wrong else ""))
    return lines


def summary(rows):
    faults = [row for row in rows if row["kind"] != HEALTHY]
    sound = [row for row in rows if row["kind"] == HEALTHY]
    right = sum(row["right"] for row in faults)
    seconds = [row["seconds"] for row in rows if row["seconds"] is not None]
    return {"kinds": len({row["kind"] for row in faults}), "cases": len(faults), "right": right,
            "share": right / len(faults) if faults else None, "healthy": len(sound), "accused": sum(not row["right"] for row in sound),
            "seconds_median": statistics.median(seconds) if seconds else None, "seconds_max": max(seconds, default=None)}
