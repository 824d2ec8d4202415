#include "controller/cli/client.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "controller/cli/document.h"
#include "controller/cli/tls_failure.h"

namespace faultline::cli {
namespace {

constexpr std::size_t kSocketPathMax = 107;  // sun_path without its terminating zero
constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::string_view kTlsPrefix = "https://";
constexpr std::size_t kErrorBodyMax = 64U << 10;

struct CurlCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

// The Failure that an HTTP status other than 2xx means. The body is the API's error document,
// unless something else listens there.
Failure http_failure(long status, const std::string& body) {
  Failure failure{ExitCode::kUsage, "internal",
                  fmt::format("the controller answered HTTP {}", status)};
  const auto json = Json::parse(body, nullptr, false);
  const auto& error = member(json, "error");
  if (member(error, "code").is_string()) failure.code = text(error, "code");
  if (member(error, "message").is_string()) failure.message = text(error, "message");
  if (status == 401 || status == 403) failure.exit_code = ExitCode::kDenied;
  if (status >= 500 || status < 400) failure.exit_code = ExitCode::kUnreachable;
  return failure;
}

// What may follow "https://": a host and a port, no path, user or query.
bool is_host_and_port(std::string_view text) {
  constexpr std::string_view kNever = "/?#@ \\";
  return !text.empty() && text.find_first_of(kNever) == std::string_view::npos;
}

}  // namespace

std::string url_encode(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

// One request and what has arrived of its answer.
struct ApiClient::Exchange {
  struct FreeHeaders {
    void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
  };

  std::unique_ptr<curl_slist, FreeHeaders> headers;  // outlives the handle that refers to it
  char details[CURL_ERROR_SIZE] = {};                // curl's own words
  std::unique_ptr<CURL, CurlCleanup> curl;
  const ApiClient& client;
  const Writer* write = nullptr;  // streams the body of a 2xx answer
  std::string body;
  std::uint64_t streamed = 0;
  bool refused = false;  // by the writer, or too large

  explicit Exchange(const ApiClient& owner) : curl(curl_easy_init()), client(owner) {}

  [[nodiscard]] long status() const {
    long code = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  bool take(std::string_view piece) {
    if (write != nullptr && status() >= 200 && status() < 300) {
      streamed += piece.size();
      return (*write)(piece);
    }
    if (body.size() + piece.size() > (write != nullptr ? kErrorBodyMax : kAnswerBytesMax))
      return false;
    body += piece;
    return true;
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.take({data, size * count})) return size * count;
    exchange.refused = true;
    return 0;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.client.options_.waiting) exchange.client.options_.waiting();
    return 0;
  }

  void add_header(const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  }

  // There is no way round the verification, on purpose.
  void prepare_tls(const std::string& target) {
    auto* handle = curl.get();
    const auto& options = client.options_;
    curl_easy_setopt(handle, CURLOPT_URL, (options.api + target).c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) {  // then nobody else is trusted
      curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca_file.c_str());
      curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    }
    if (!options.token.empty()) add_header("Authorization: Bearer " + options.token);
  }

  [[nodiscard]] Failure tls_trouble(int code) const {
    TlsTrouble trouble{
        .curl_code = code,
        .verify_result = 0,
        .api = client.options_.api,
        .ca_file = client.options_.ca_file,
        .details = *details != '\0' ? details : curl_easy_strerror(static_cast<CURLcode>(code))};
    curl_easy_getinfo(curl.get(), CURLINFO_SSL_VERIFYRESULT, &trouble.verify_result);
    return tls_failure(trouble);
  }

  void prepare(const char* method, const std::string& target) {
    auto* handle = curl.get();
    if (client.over_tls()) {
      prepare_tls(target);
    } else {
      curl_easy_setopt(handle, CURLOPT_URL, ("http://localhost" + target).c_str());
      curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, client.socket_path_.c_str());
    }
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, details);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // a node may be called "..": the API answers
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    using std::chrono::milliseconds;
    const auto timeout_ms = std::chrono::ceil<milliseconds>(client.options_.timeout).count();
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_ms));
    if (write == nullptr) {
      curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
    } else {
      curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
      curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(timeout_ms / 1000 + 1));
    }
  }

  Outcome<void> perform() {
    const auto code = curl_easy_perform(curl.get());
    if (refused)
      return usage(write != nullptr ? "cannot write the answer" : "the answer is too large");
    if (code != CURLE_OK) {
      long os_errno = 0;
      curl_easy_getinfo(curl.get(), CURLINFO_OS_ERRNO, &os_errno);
      if (client.over_tls() && is_tls_trouble(code)) return tl::unexpected(tls_trouble(code));
      return tl::unexpected(client.connection_failure(code, os_errno, details));
    }
    if (status() < 200 || status() >= 300) {
      auto failure = http_failure(status(), body);
      if (status() == 401 && client.options_.token.empty()) {
        failure.message = fmt::format(
            "{} wants an API token: name the file that holds yours with --token-file or "
            "FAULTLINE_TOKEN_FILE",
            client.options_.api);
      }
      return tl::unexpected(std::move(failure));
    }
    return {};
  }
};

Outcome<ApiClient> ApiClient::create(ClientOptions options) {
  if (options.api.starts_with(kTlsPrefix)) {
    while (options.api.ends_with('/')) options.api.pop_back();
    if (is_host_and_port(std::string_view(options.api)
                             .substr(std::min(kTlsPrefix.size(), options.api.size())))) {
      return ApiClient(std::move(options), {});
    }
  }
  if (!options.api.starts_with(kUnixPrefix) || options.api.size() == kUnixPrefix.size()) {
    return usage(fmt::format("--api must be unix:/path/to/socket or https://HOST:7443, not '{}'",
                             options.api));
  }
  auto path = options.api.substr(kUnixPrefix.size());
  if (path.size() > kSocketPathMax) {
    return usage(fmt::format("the socket path {} is longer than {} bytes", path, kSocketPathMax));
  }
  return ApiClient(std::move(options), std::move(path));
}

Failure ApiClient::connection_failure(int curl_code, long os_errno,
                                      const std::string& details) const {
  const auto failure = [](ExitCode exit_code, ErrorCode code, std::string message) {
    return Failure{exit_code, std::string{to_string(code)}, std::move(message)};
  };
  const bool refused_here = os_errno == EACCES || os_errno == EPERM;
  if (!over_tls() && curl_code == CURLE_COULDNT_CONNECT && refused_here) {
    return failure(
        ExitCode::kDenied, ErrorCode::kDenied,
        fmt::format("no permission to use {}: ask for membership of the group that owns it",
                    socket_path_));
  }
  if (curl_code == CURLE_OPERATION_TIMEDOUT) {
    return failure(ExitCode::kUnreachable, ErrorCode::kUnavailable,
                   fmt::format("the controller at {} did not answer within {} (--timeout)", where(),
                               format_duration(options_.timeout)));
  }
  std::string why = curl_easy_strerror(static_cast<CURLcode>(curl_code));
  if (!details.empty()) why = details;
  if (curl_code == CURLE_COULDNT_CONNECT && os_errno != 0) {
    why = std::strerror(static_cast<int>(os_errno));
  }
  const char* hint = over_tls() ? "is api.tls configured there, and the port open?"
                                : "is faultline-controller running here? Else name its socket with "
                                  "--api unix:PATH or FAULTLINE_API";
  return failure(ExitCode::kUnreachable, ErrorCode::kUnavailable,
                 fmt::format("cannot reach the controller at {}: {}; {}", where(), why, hint));
}

Outcome<std::string> ApiClient::request(const char* method, const std::string& target,
                                        const std::string* body) const {
  Exchange exchange(*this);
  exchange.prepare(method, target);
  if (body != nullptr) {
    exchange.add_header("Content-Type: application/json");
    curl_easy_setopt(exchange.curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
    curl_easy_setopt(exchange.curl.get(), CURLOPT_POSTFIELDS, body->c_str());
  }
  const auto done = exchange.perform();
  if (!done) return tl::unexpected(done.error());
  return std::move(exchange.body);
}

Outcome<std::string> ApiClient::get(const std::string& target) const {
  return request("GET", target, nullptr);
}

Outcome<std::string> ApiClient::post(const std::string& target, const std::string& body) const {
  return request("POST", target, &body);
}

Outcome<std::string> ApiClient::remove(const std::string& target) const {
  return request("DELETE", target, nullptr);
}

Outcome<std::uint64_t> ApiClient::stream(const std::string& target, const Writer& write) const {
  Exchange exchange(*this);
  exchange.write = &write;
  exchange.prepare("GET", target);
  const auto done = exchange.perform();
  if (!done) return tl::unexpected(done.error());
  return exchange.streamed;
}

}  // namespace faultline::cli
