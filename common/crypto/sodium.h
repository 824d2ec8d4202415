// For this folder's sources only: libsodium must be started before its first use.
#pragma once

namespace faultline::crypto {

void ensure_sodium();

}  // namespace faultline::crypto
