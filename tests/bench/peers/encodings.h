// The same observations in the forms that the peers take: each field of a flow's window is a series
// of its own, named by its node, target and port, with the window's beginning in milliseconds.
//
// The histograms of pairs are not among them: the peers get less than our store does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/model/report.h"

namespace faultline::bench {

inline constexpr std::size_t kFieldsPerFlow = 10;

enum class Encoding : std::uint8_t {
  kRemoteWrite,  // Prometheus' protocol: protobuf, snappy
  kCsv,          // VictoriaMetrics: a line for all fields of a flow's window
  kJsonLines,    // VictoriaMetrics: a line for each series, of all samples of the request
};

// Delays: whole nanoseconds, as we have them; or seconds, as Prometheus asks for (its naming
// practices: base units), which are fractions that a float's bits say little of.
enum class Unit : std::uint8_t { kNanoseconds, kSeconds };

// What is sent with one request: so many windows of the whole fleet.
class Encoder {
 public:
  Encoder(Encoding encoding, Unit unit) : encoding_(encoding), unit_(unit) {}

  void add(NodeId source, WallTime start, const FlowWindow& flow);
  // The body of one request or more (none is larger than what the peers accept), and begins anew.
  [[nodiscard]] std::vector<std::string> finish();

 private:
  struct Flow {
    NodeId source{};
    NodeId target{};
    std::uint16_t port = 0;
    std::vector<std::pair<std::int64_t, FlowWindow>> windows{};  // with milliseconds
  };
  [[nodiscard]] std::string remote_write(const Flow& flow) const;
  [[nodiscard]] std::string csv(const Flow& flow) const;
  [[nodiscard]] std::string json_lines(const Flow& flow) const;
  [[nodiscard]] std::string encode(const Flow& flow) const;

  Encoding encoding_;
  Unit unit_;
  std::vector<Flow> flows_;
  std::size_t at_ = 0;  // flows come in the same order in every window
};

// Where a body is posted, with which headers.
struct Endpoint {
  std::string path;
  std::vector<std::string> headers;
};
[[nodiscard]] Endpoint endpoint_of(Encoding encoding, std::string_view remote_write_path);

}  // namespace faultline::bench
