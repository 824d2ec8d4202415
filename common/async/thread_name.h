// Names the calling thread for `top -H`, stack traces and the profiler; at most 15 characters.
#pragma once

#include <string_view>

namespace faultline::async {

void set_thread_name(std::string_view name);

}  // namespace faultline::async
