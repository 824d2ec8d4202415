// The catalogue that is built in, read once.
#pragma once

#include "controller/explain/catalogue.h"

namespace faultline::explain {

inline const Catalogue& shipped_catalogue() {
  static const auto kCatalogue = read_catalogue(code_files()).value();
  return kCatalogue;
}

}  // namespace faultline::explain
