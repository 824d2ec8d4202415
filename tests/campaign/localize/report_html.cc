#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tests/campaign/localize/report.h"

namespace faultline::campaign {
namespace {

constexpr std::array<const char*, kMethods> kColors{"#0b6e4f", "#c97b12", "#8a4fbf", "#2563a8",
                                                    "#888888"};

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 "
    "1rem;color:#1b1f24;background:#fff}h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}"
    "td,th{padding:.25rem .6rem;border-bottom:1px solid #e3e6ea;text-align:right}"
    "td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}td.t,th.t{text-align:left}"
    "tr.sum td{border-top:2px solid #555;font-weight:600}.met{color:#0b6e4f}.missed{color:#b3261e;"
    "font-weight:700}figure{margin:1rem 0}figcaption,.note{color:#5a626c;font-size:.88rem}"
    "svg text{font:12px system-ui,sans-serif;fill:#333}";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string line(double x1, double y1, double x2, double y2, const char* color) {
  return fmt::format("<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' stroke='{}'/>", x1, y1,
                     x2, y2, color);
}

std::string label(double x, double y, std::string_view text, const char* anchor = "start") {
  return fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>", x, y, anchor,
                     escaped(text));
}

std::string dot(double x, double y, double radius, const char* color, std::string_view title) {
  return fmt::format(
      "<circle cx='{:.1f}' cy='{:.1f}' r='{:.1f}' fill='{}' fill-opacity='.8'><title>{}</title>"
      "</circle>",
      x, y, radius, color, escaped(title));
}

std::string svg(double width, double height, std::string_view what, const std::string& body) {
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0:.0f} {1:.0f}' width='{0:.0f}' "
      "height='{1:.0f}' role='img' aria-label='{2}'>{3}</svg>",
      width, height, escaped(what), body);
}

std::string legend(double x, double y, std::size_t methods) {
  std::string body;
  for (std::size_t i = 0; i < methods; ++i) {
    const std::string_view name = to_string(static_cast<Method>(i));
    body += dot(x, y - 4, 5, kColors[i], name) + label(x + 9, y, name);
    x += 26 + 8 * static_cast<double>(name.size());
  }
  return body;
}

// F1 of every method, one line per scenario.
std::string f1_plot(const Report& report) {
  constexpr double kLeft = 270;
  constexpr double kWide = 560;
  constexpr double kStep = 26;
  const double bottom = 34 + kStep * static_cast<double>(report.rows.size());
  const auto at = [&](double f1) { return kLeft + kWide * f1; };
  std::string body = legend(kLeft, 14, kMethods);
  for (int i = 0; i <= 10; ++i) {
    body += line(at(0.1 * i), 26, at(0.1 * i), bottom, i % 5 == 0 ? "#c4c9d0" : "#eceef1");
    body += label(at(0.1 * i), bottom + 16, fmt::format("{:.1f}", 0.1 * i), "middle");
  }
  double y = 40;
  for (const ScenarioSummary& row : report.rows) {
    body += label(kLeft - 10, y + 4, row.scenario.name + "  " + row.scenario.what, "end");
    for (std::size_t i = kMethods; i-- > 0;) {
      const MethodSummary& it = row.by_method[i];
      if (!it.ran) continue;
      const std::string title = fmt::format("{} {} F1 {:.3f} ± {:.3f}", row.scenario.name,
                                            to_string(static_cast<Method>(i)), it.f1, it.f1_error);
      if (i == 0) {
        body += line(at(std::max(0.0, it.f1 - it.f1_error)), y - 7,
                     at(std::min(1.0, it.f1 + it.f1_error)), y - 7, kColors[0]);
      }
      // A little apart, or equal ones would hide each other.
      body +=
          dot(at(it.f1), y + 3.5 * (static_cast<double>(i) - 2), i == 0 ? 5 : 4, kColors[i], title);
    }
    y += kStep;
  }
  return svg(kLeft + kWide + 30, bottom + 24, "F1 by scenario and method", body);
}

std::string reliability_plot(const Reliability& reliability) {
  constexpr double kLeft = 46;
  constexpr double kSide = 320;
  const auto x_of = [&](double share) { return kLeft + kSide * share; };
  const auto y_of = [&](double share) { return 12 + kSide * (1 - share); };
  std::string body;
  for (int i = 0; i <= 10; i += 2) {
    const double share = 0.1 * i;
    body += line(x_of(share), y_of(0), x_of(share), y_of(1), "#eceef1") +
            line(x_of(0), y_of(share), x_of(1), y_of(share), "#eceef1") +
            label(x_of(share), y_of(0) + 16, fmt::format("{:.1f}", share), "middle") +
            label(kLeft - 6, y_of(share) + 4, fmt::format("{:.1f}", share), "end");
  }
  body += line(x_of(0), y_of(0), x_of(1), y_of(1), "#999");
  for (const Reliability::Bin& bin : reliability.bins) {
    if (bin.said == 0) continue;
    body += dot(
        x_of(bin.posterior), y_of(bin.right), 3 + 2.2 * std::log10(static_cast<double>(bin.said)),
        kColors[0],
        fmt::format("{} suspects, said {:.3f}, right {:.3f}", bin.said, bin.posterior, bin.right));
  }
  body += label(x_of(0.5), y_of(0) + 34, "posterior that was stated", "middle");
  body += label(x_of(0.03), y_of(0.96), "share that was right");
  return svg(kLeft + kSide + 20, kSide + 56, "Reliability of stated posteriors", body);
}

// Time against lossy flows, both on logarithmic axes.
std::string time_plot(const std::vector<Point>& points) {
  if (points.empty()) return "<p class='note'>No case was on the fat tree.</p>";
  constexpr double kLeft = 60;
  constexpr double kWide = 420;
  constexpr double kHigh = 280;
  double x_max = 1000;
  double y_max = 100;
  double y_min = 1e6;
  for (const Point& it : points) {
    x_max = std::max(x_max, it.lossy_flows);
    y_max = std::max({y_max, it.core_ms, it.flock_ms});
    y_min = std::min(y_min, it.core_ms);
  }
  const double x_low = 2;
  const double y_low = std::floor(std::log10(std::max(1.0, y_min)));
  const double x_high = std::ceil(std::log10(x_max));
  const double y_high = std::ceil(std::log10(y_max));
  const auto x_of = [&](double v) {
    return kLeft + kWide * (std::log10(std::max(v, 100.0)) - x_low) / (x_high - x_low);
  };
  const auto y_of = [&](double v) {
    return 30 + kHigh * (y_high - std::log10(std::max(v, 1.0))) / (y_high - y_low);
  };
  std::string body;
  for (double x = x_low; x <= x_high; ++x) {
    const double value = std::pow(10, x);
    body += line(x_of(value), y_of(std::pow(10, y_low)), x_of(value), 30, "#dfe3e8") +
            label(x_of(value), kHigh + 48, fmt::format("{:.0f}", value), "middle");
  }
  for (double y = y_low; y <= y_high; ++y) {
    const double value = std::pow(10, y);
    body += line(kLeft, y_of(value), kLeft + kWide, y_of(value), "#dfe3e8") +
            label(kLeft - 6, y_of(value) + 4, fmt::format("{:.0f}", value), "end");
  }
  for (const Point& it : points) {
    if (it.flock_ms > 0)
      body += dot(x_of(it.lossy_flows), y_of(it.flock_ms), 3, kColors[3], "Flock");
    body += dot(x_of(it.lossy_flows), y_of(it.core_ms), 3, kColors[0], "core");
  }
  body += label(kLeft, 16, "ms of processor time (green: core, blue: Flock)") +
          label(kLeft + kWide / 2, kHigh + 66, "flows with a loss", "middle");
  return svg(kLeft + kWide + 20, kHigh + 76, "Time against lossy flows", body);
}

std::string targets_table(const Report& report) {
  std::string text =
      "<table><tr><th>target</th><th>wanted</th><th class='t'>measured</th><th></th></tr>";
  for (const Target& it : report.targets) {
    text +=
        fmt::format("<tr><td>{}</td><td>{}</td><td class='t'>{}</td><td class='{}'>{}</td></tr>",
                    escaped(it.what), escaped(it.wanted), escaped(it.measured),
                    it.met ? "met" : "missed", it.met ? "met" : "MISSED");
  }
  return text + "</table>";
}

std::string f1_table(const Report& report) {
  std::string text =
      "<table><tr><th></th><th>scenario</th><th>P</th><th>R</th><th>F1</th><th>±</th><th>007</th>"
      "<th>NetBouncer</th><th>Flock</th><th>oracle</th><th>ms</th><th>MB</th><th>Flock ms</th>"
      "<th>MB</th></tr>";
  for (const ScenarioSummary& row : report.rows) {
    const MethodSummary& core = row.by_method[0];
    text += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.3f}</td><td>{:.3f}</td><td><b>{:.3f}</b></td><td>{:.3f}"
        "</td>",
        row.scenario.name, escaped(row.scenario.what), core.precision, core.recall, core.f1,
        core.f1_error);
    for (std::size_t i = 1; i < kMethods; ++i) {
      const MethodSummary& it = row.by_method[i];
      text += it.ran ? fmt::format("<td>{:.3f}</td>", it.f1) : "<td>–</td>";
    }
    text += fmt::format("<td>{:.1f}</td><td>{:.1f}</td>", core.cpu_ms, core.heap_mb);
    const MethodSummary& flock = row.by_method[3];
    text += flock.ran
                ? fmt::format("<td>{:.1f}</td><td>{:.1f}</td></tr>", flock.cpu_ms, flock.heap_mb)
                : "<td>–</td><td>–</td></tr>";
  }
  text += "<tr class='sum'><td></td><td>mean of the eleven link scenarios</td><td></td><td></td>";
  for (std::size_t i = 0; i < kMethods; ++i) {
    const double mean = report.mean_f1[i];
    text += mean < 0 ? "<td>–</td>" : fmt::format("<td>{:.3f}</td>", mean);
    if (i == 0) text += "<td></td>";
  }
  return text + "<td></td><td></td><td></td><td></td></tr></table>";
}

std::string notes(const Report& report) {
  const Settings& it = report.contest.settings;
  std::string text = fmt::format(
      "<p class='note'>Baselines, calibrated on other seeds, one setting for all scenarios: 007 "
      "blames "
      "from {:.4f} of the votes; NetBouncer λ {}, bad from {}, devices from {}; Flock bad {}, good "
      "{}, prior {}, beam {}. The oracle knows the true loss of every other link, and sees no "
      "delays. Times are processor time of one solve; the baselines' leave out reading their "
      "input. Memory is the heap at its peak beside the observations.</p>",
      it.votes.share_min, it.net_bouncer.regularization, it.net_bouncer.loss_min,
      it.net_bouncer.device_share, it.flock.bad_loss, it.flock.good_loss, it.flock.log_prior,
      it.flock.beam);
  if (report.false_alarms) {
    const FalseAlarms& alarms = *report.false_alarms;
    text += fmt::format(
        "<p>{} windows without a fault ({} packets, {} lost) on a 4 x 4 leaf-spine, background of "
        "CorrOpt's mix and congestion by day: suspects in {}, certain enough for an incident in "
        "{}; "
        "{:.2f} ms a solve. {}</p>",
        alarms.windows, alarms.packets, alarms.lost, alarms.with_suspects, alarms.confident,
        alarms.cpu_ms, escaped(alarms.first));
  }
  return text;
}

}  // namespace

std::string to_html(const Report& report) {
  const std::uint64_t first = report.contest.first_seed;
  return fmt::format(
      "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
      "content='width=device-width,initial-scale=1'><title>Faultline's localizer beside the "
      "published ones</title><style>{}</style></head><body><h1>Faultline's localizer beside the "
      "published ones</h1><p>{} cases, seeds {} to {}, one setting throughout.</p>"
      "<h2>Targets</h2>{}<h2>F1</h2><figure>{}<figcaption>The line through a green dot is the "
      "standard error over seeds.</figcaption></figure>{}{}<h2>Calibration</h2><figure>{}"
      "<figcaption>Expected error {:.1f} points over {} suspects of all scenarios; the larger the "
      "dot, the more of them (hover for how "
      "many).</figcaption></figure><h2>Time</h2><figure>{}<figcaption>Each case on "
      "the k = 10 fat tree (123,750 flows).</figcaption></figure></body></html>\n",
      kStyle, report.cases, first, report.last_seed, targets_table(report), f1_plot(report),
      f1_table(report), notes(report), reliability_plot(report.reliability),
      100 * report.reliability.error, report.reliability.said, time_plot(report.points));
}

}  // namespace faultline::campaign
