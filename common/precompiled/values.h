// What most libraries include and what costs the compiler most; nothing of our own, so that a change of ours rebuilds no
// precompiled header. A source still includes what it uses: without this header everything must compile.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <tl/expected.hpp>
