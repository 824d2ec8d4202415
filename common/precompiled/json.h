// For libraries that depend on nlohmann_json.
#pragma once

#include <nlohmann/json.hpp>

#include "common/precompiled/values.h"
