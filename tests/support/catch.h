// The one include of Catch2: Debian 12 carries v2, other distributions v3.
#pragma once

#include <catch2/catch.hpp>
