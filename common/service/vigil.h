// Vigil: which part of a process is stuck.
//
// A part is a thread, or whatever else counts what it has done. It is stuck when it has work and
// its count has not moved for longer than its patience; one without work may rest for ever.
//
// Pure: `now` is an argument. Thread safety: none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/time.h"

namespace faultline::service {

struct Part {
  std::string_view name;
  std::uint64_t done = 0;  // grows with every piece of work
  bool has_work = true;
  Duration patience{};
};

class Vigil {
 public:
  // Looks at all parts, which are the same ones in every call. The first that is stuck, as a
  // sentence: "the writer thread has not moved for 2m".
  [[nodiscard]] std::optional<std::string> check(Instant now, std::span<const Part> parts);

 private:
  struct Seen {
    std::uint64_t done = 0;
    Instant moved_at{};  // or had nothing to do
  };

  std::map<std::string, Seen, std::less<>> seen_;
};

}  // namespace faultline::service
