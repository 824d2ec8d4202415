// FAULTLINE_CHECK: a condition that only a bug can break. Always on; logs to stderr and aborts.
// Input from outside is never checked with this: it is validated and refused with an Error.
#pragma once

#include <string_view>

namespace faultline::base {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view message);

}  // namespace faultline::base

#define FAULTLINE_CHECK(condition, message)                                       \
  do {                                                                            \
    if (!(condition)) [[unlikely]] {                                              \
      ::faultline::base::check_failed(__FILE__, __LINE__, #condition, (message)); \
    }                                                                             \
  } while (false)
