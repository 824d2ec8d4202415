// ExportText: rows of results as CSV (RFC 4180, one head line) or JSON Lines, for other tools. Both
// have the same members in the same order; where nothing was answered, delays are empty, or null.
//
// Pure. Nothing is quoted in CSV: names of nodes need no quotes (common/model/node.h).
#pragma once

#include <string>
#include <string_view>

#include "common/model/report.h"
#include "controller/api/views.h"

namespace faultline::api {

// One flow in one window, as it was measured.
struct ExportedFlow {
  WallTime start{};
  Duration window{};
  std::string_view source;
  std::string_view target;
  const FlowWindow& flow;
};

// All flows of a pair in a minute or an hour; window_start is the step's, and `flows` counts
// windows of flows.
struct ExportedSum {
  Duration step{};
  std::string_view source;
  std::string_view target;
  const HistoryRow& row;
};

class ExportText {
 public:
  explicit ExportText(ExportFormat format) : format_(format) {}

  // The first line of CSV; nothing in JSON Lines.
  [[nodiscard]] std::string head(ExportRows rows) const;
  void append(std::string& text, const ExportedFlow& flow) const;
  void append(std::string& text, const ExportedSum& sum) const;

 private:
  template <typename Row>
  void append_row(std::string& text, const Row& row) const;

  ExportFormat format_;
};

}  // namespace faultline::api
