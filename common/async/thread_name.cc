#include "common/async/thread_name.h"

#include <pthread.h>

#include <string>

namespace faultline::async {

void set_thread_name(std::string_view name) {
  constexpr std::size_t kKernelMax = 15;
  ::pthread_setname_np(::pthread_self(), std::string{name.substr(0, kKernelMax)}.c_str());
}

}  // namespace faultline::async
