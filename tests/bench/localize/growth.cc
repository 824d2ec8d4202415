#include "tests/bench/localize/growth.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "tests/bench/localize/measure.h"

namespace faultline::bench {
namespace {

constexpr int kSolves = 3;  // the fastest of which counts
constexpr double kWidth = 720;
constexpr double kHeight = 420;
constexpr double kLeft = 70;
constexpr double kTop = 40;
constexpr double kPlotWidth = kWidth - kLeft - 30;
constexpr double kPlotHeight = kHeight - kTop - 60;
constexpr int kTicks = 5;

// 1, 2 or 5 times a power of ten, kTicks of which cover `most`.
double round_step(double most) {
  const double rough = most / kTicks;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

struct Scale {
  double x_step = 1;
  double y_step = 1;

  [[nodiscard]] double x(double value) const {
    return kLeft + value / (kTicks * x_step) * kPlotWidth;
  }
  [[nodiscard]] double y(double value) const {
    return kTop + kPlotHeight - value / (kTicks * y_step) * kPlotHeight;
  }
};

std::string axes(const Scale& scale) {
  std::string svg;
  for (int i = 0; i <= kTicks; ++i) {
    const double x = scale.x(i * scale.x_step);
    const double y = scale.y(i * scale.y_step);
    svg += fmt::format("<path d='M{:.1f} {:.1f}V{:.1f}M{:.1f} {:.1f}H{:.1f}' stroke='#ddd'/>\n", x,
                       kTop, kTop + kPlotHeight, kLeft, y, kLeft + kPlotWidth);
    svg += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='middle'>{:.0f}</text>\n", x,
                       kTop + kPlotHeight + 18, i * scale.x_step);
    svg += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='end'>{:.0f}</text>\n", kLeft - 8,
                       y + 4, i * scale.y_step);
  }
  svg += fmt::format("<text x='{:.1f}' y='{:.1f}' text-anchor='middle'>lossy flows</text>\n",
                     kLeft + kPlotWidth / 2, kHeight - 16);
  svg += fmt::format("<text x='{:.1f}' y='{:.1f}'>ms of processor time</text>\n", kLeft, kTop - 14);
  return svg;
}

}  // namespace

std::vector<GrowthPoint> measure_growth() {
  std::vector<GrowthPoint> points;
  std::printf("%8s %8s %8s  %s\n", "flows", "lossy", "CPU ms", "F1");
  for (const std::uint32_t packets : {25U, 50U, 100U, 200U, 400U, 800U, 1600U, 3200U}) {
    FatTree tree({.k = 24, .packets_per_flow = packets, .faulty_links = 10}, kSeed);
    const std::size_t lossy = observe(tree);
    Solved best{1e9, 0};
    for (int i = 0; i < kSolves; ++i) {
      const Solved solved = solve(tree);
      if (solved.ms < best.ms) best = solved;
    }
    std::printf("%8zu %8zu %8.1f  %.3f\n", tree.flow_count(), lossy, best.ms, best.f1);
    points.push_back({static_cast<double>(lossy), static_cast<double>(tree.flow_count()), best.ms});
  }
  return points;
}

std::string growth_plot(const std::vector<GrowthPoint>& points) {
  Scale scale;
  scale.x_step = round_step(std::ranges::max(points, {}, &GrowthPoint::lossy_flows).lossy_flows);
  scale.y_step = round_step(std::ranges::max(points, {}, &GrowthPoint::ms).ms);
  std::string svg = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {:.0f} {:.0f}' "
      "font-family='sans-serif' "
      "font-size='12'>\n<rect width='100%' height='100%' fill='#fff'/>\n",
      kWidth, kHeight);
  svg += axes(scale);
  svg += fmt::format(
      "<text x='{:.1f}' y='20' text-anchor='middle' font-size='14'>"
      "One solve, k = 24, {:.0f} flows, 10 faulty links</text>\n",
      kWidth / 2, points.front().flows);
  std::string line;
  for (const GrowthPoint& it : points) {
    const double x = scale.x(it.lossy_flows);
    const double y = scale.y(it.ms);
    line += fmt::format("{}{:.1f} {:.1f}", line.empty() ? 'M' : 'L', x, y);
    svg += fmt::format(
        "<circle cx='{:.1f}' cy='{:.1f}' r='3.5' fill='#1f5fa8'>"
        "<title>{:.0f} lossy flows: {:.1f} ms</title></circle>\n",
        x, y, it.lossy_flows, it.ms);
  }
  svg += "<path d='" + line + "' fill='none' stroke='#1f5fa8' stroke-width='1.5'/>\n";
  const auto [first, last] = std::pair(points.front(), points.back());
  svg += fmt::format(
      "<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' stroke='#999' stroke-dasharray='4 4'/>\n",
      scale.x(first.lossy_flows), scale.y(first.ms), scale.x(last.lossy_flows), scale.y(last.ms));
  return svg + "</svg>\n";
}

}  // namespace faultline::bench
