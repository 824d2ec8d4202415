// What was changed in a packet between two sightings of it, and how often.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/capture/sightings.h"

namespace faultline::capture {

enum class Field : std::uint8_t {
  kTtl = 0,          // falls by one per router
  kMacFrom = 1,      // on links where both ends see one
  kVlan = 2,         //
  kDscp = 3,         //
  kEcn = 4,          //
  kAddressFrom = 5,  // NAT, or its port
  kAddressTo = 6,    //
  kFragments = 7,    // whole when it left, in pieces when it came
  kChecksum = 8,     // wrong where it arrived
  kIpChecksum = 9,   // likewise, of the IPv4 header
  kDontFragment = 10,
  kSize = 11,
};
[[nodiscard]] std::string_view to_string(Field field);

struct Alteration {
  Field field = Field::kTtl;
  std::string before{};
  std::string after{};
  std::uint32_t count = 0;  // packets

  bool operator==(const Alteration&) const = default;
};

class AlterationBook {
 public:
  void add(const Sighting& left, const Sighting& arrived);
  // The most frequent first; of one field at most kAlterationsMax kinds, the rest is summed up.
  [[nodiscard]] std::vector<Alteration> rows() const;

 private:
  void add(Field field, std::string before, std::string after);
  std::map<std::tuple<Field, std::string, std::string>, std::uint32_t> counts_;
};
inline constexpr std::size_t kAlterationsMax = 8;

}  // namespace faultline::capture
