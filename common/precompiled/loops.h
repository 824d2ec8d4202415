// For libraries that depend on common_async: coroutines and sockets, and JSON because the programs' shells speak both.
#pragma once

#include "common/async/asio.h"
#include "common/precompiled/json.h"
