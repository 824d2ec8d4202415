"""What campaigns of faults have in common: cases that an earlier run has done are not run again, each row is on disk at once,
and the table at the end."""
import json
import os
import signal
import sys

from score import summary, table  # of diagnose/, which each campaign has in its path

EXIT_USAGE = 3


def rows_of(wanted, output, open_campaign):
    """The rows of the (kind, seed) in `wanted`: those that an earlier run left in `output`, and new ones of the others, by
    `open_campaign()`, a context with run(kind, seed)."""
    lines = output.read_text().splitlines() if output and output.exists() else []
    rows = [row for row in map(json.loads, lines) if (row["kind"], row["seed"]) in wanted]
    done = {(row["kind"], row["seed"]) for row in rows}
    left = [case for case in wanted if case not in done]
    if not left:
        return rows
    with open_campaign() as campaign:
        for kind, seed in left:
            rows.append(campaign.run(kind, seed))
            if output:
                with output.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    return rows


def print_figures(rows, healthy):
    """The table and a sentence; `healthy` names what must not be accused. Returns the figures."""
    lines = table(rows)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    print()
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())
    figures = summary(rows)
    print(f"\n{figures['right']} of {figures['cases']} faults of {figures['kinds']} kinds named; {figures['accused']} of "
          f"{figures['healthy']} healthy {healthy} accused; {figures['seconds_median']} s in the median, {figures['seconds_max']} s at "
          "most")
    return figures


def interrupt(*_):
    raise KeyboardInterrupt


def run(parse, campaign, failures, is_good):
    """The exit code of a program: parse() its arguments, campaign(given) its rows, is_good(given, rows) the last word."""
    try:
        given = parse()
    except SystemExit as stopped:
        return EXIT_USAGE if stopped.code else 0
    if os.geteuid() != 0:
        print("SKIPPED: network namespaces need root; run the campaign as root")
        return 0
    signal.signal(signal.SIGTERM, interrupt)
    try:
        rows = campaign(given)
    except (*failures, KeyboardInterrupt) as error:
        print(f"{os.path.basename(sys.argv[0])}: {str(error) or 'interrupted'}", file=sys.stderr)
        return 1
    return 0 if is_good(given, rows) else 1
