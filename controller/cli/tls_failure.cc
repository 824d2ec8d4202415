#include "controller/cli/tls_failure.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/x509_vfy.h>

namespace faultline::cli {
namespace {

std::string authority_hint(const TlsTrouble& trouble) {
  return trouble.ca_file.empty()
             ? "name the file of the authority that signed it with --ca FILE or FAULTLINE_CA"
             : fmt::format("{} is not the authority that signed it", trouble.ca_file);
}

std::string certificate_sentence(const TlsTrouble& trouble) {
  switch (trouble.verify_result) {
    // libcurl looks at the name after the chain, before it notes that the chain is good.
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format(
          "the certificate of {} is for another host name ({}); use a name that it "
          "has",
          trouble.api, trouble.details);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("the certificate of {} has expired; it must be renewed on the controller",
                         trouble.api);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format(
          "the certificate of {} is not valid yet: compare the clocks of this "
          "machine and the controller's",
          trouble.api);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fmt::format(
          "the certificate of {} is signed by an authority that is not trusted "
          "here: {}",
          trouble.api, authority_hint(trouble));
    default:
      return fmt::format("the certificate of {} cannot be trusted: {}", trouble.api,
                         trouble.details);
  }
}

}  // namespace

bool is_tls_trouble(int curl_code) {
  return curl_code == CURLE_PEER_FAILED_VERIFICATION || curl_code == CURLE_SSL_CONNECT_ERROR ||
         curl_code == CURLE_SSL_CACERT_BADFILE;
}

Failure tls_failure(const TlsTrouble& trouble) {
  const auto failure = [](ExitCode exit_code, ErrorCode code, std::string message) {
    return Failure{exit_code, std::string{to_string(code)}, std::move(message)};
  };
  if (trouble.curl_code == CURLE_SSL_CACERT_BADFILE) {
    return failure(ExitCode::kUsage, ErrorCode::kInvalid,
                   fmt::format("cannot use {} as a file of authorities (--ca): it must hold PEM "
                               "certificates",
                               trouble.ca_file.empty() ? "the system's file" : trouble.ca_file));
  }
  if (trouble.curl_code == CURLE_PEER_FAILED_VERIFICATION) {
    return failure(ExitCode::kUnreachable, ErrorCode::kUnavailable, certificate_sentence(trouble));
  }
  return failure(ExitCode::kUnreachable, ErrorCode::kUnavailable,
                 fmt::format("no TLS with {}: {}; is it the controller's api.tls port? (It "
                             "also closes what one address opens beyond 16 connections.)",
                             trouble.api, trouble.details));
}

}  // namespace faultline::cli
