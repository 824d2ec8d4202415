// An RTM_NEWLINK message (rtnetlink(7), linux/if_link.h) as an Interface. Thread safety: pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/facts/facts.h"
#include "probe/facts/attributes.h"

namespace faultline::probe_facts {

// Names of interfaces by the kernel's index.
using Names = std::map<std::uint32_t, std::string>;

// "#12" where the index has no name here.
[[nodiscard]] std::string name_of(const Names& names, std::uint32_t index);

// An interface whose relations are still indexes: the message that names them may come later.
struct Link {
  facts::Interface interface {};
  std::optional<std::uint32_t> master{};
  std::optional<std::uint32_t> lower{};
  std::optional<std::uint32_t> underlay{};  // of a VXLAN
};

[[nodiscard]] std::optional<Link> parse_link(Bytes message);

[[nodiscard]] Names names_of(const std::vector<Link>& links);
// With the relations named.
[[nodiscard]] std::vector<facts::Interface> resolve(std::vector<Link> links);

}  // namespace faultline::probe_facts
