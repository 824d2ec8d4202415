// What went wrong on the way to an https API, in sentences that say what to do.
#pragma once

#include <string>

#include "controller/cli/failure.h"

namespace faultline::cli {

struct TlsTrouble {
  int curl_code = 0;
  long verify_result = 0;  // OpenSSL's X509_V_..., 0: the chain is good
  std::string api;         // "https://ctl:7443"
  std::string ca_file;     // empty: the system's authorities
  std::string details;     // curl's own words
};

// True for what only TLS can cause; everything else fails as on the socket.
[[nodiscard]] bool is_tls_trouble(int curl_code);
[[nodiscard]] Failure tls_failure(const TlsTrouble& trouble);

}  // namespace faultline::cli
