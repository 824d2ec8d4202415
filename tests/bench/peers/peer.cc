#include "tests/bench/peers/peer.h"

#include <curl/curl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "tests/bench/store/arrivals.h"

namespace faultline::bench {
namespace {

namespace fs = std::filesystem;

constexpr Duration kReadyMax = std::chrono::minutes{2};
constexpr Duration kSettleMax = std::chrono::minutes{5};
constexpr auto kLook = std::chrono::milliseconds{50};  // between two questions to a peer

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "peers_bench: {}\n", why);
  std::exit(1);
}

// Asks until it is so.
template <typename IsSo>
void wait_until(std::string_view what, Duration time_max, IsSo is_so) {
  const auto end = std::chrono::steady_clock::now() + time_max;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) give_up(fmt::format("waited in vain for {}", what));
    std::this_thread::sleep_for(kLook);
  }
}

std::size_t take_answer(char* data, std::size_t size, std::size_t count, void* answer) {
  static_cast<std::string*>(answer)->append(data, size * count);
  return size * count;
}

std::vector<std::string> command_of(Product product, const std::string& address,
                                    const fs::path& directory) {
  const auto data = (directory / "data").string();
  if (product == Product::kVictoriaMetrics) {
    return {"/usr/bin/victoria-metrics", "-storageDataPath=" + data, "-httpListenAddr=" + address,
            "-retentionPeriod=12"};
  }
  std::ofstream(directory / "prometheus.yml") << "global: {}\n";
  return {"/usr/bin/prometheus",
          "--config.file=" + (directory / "prometheus.yml").string(),
          "--storage.tsdb.path=" + data,
          "--storage.tsdb.retention.time=5y",
          "--web.listen-address=" + address,
          "--web.enable-remote-write-receiver",
          "--web.enable-admin-api"};
}

}  // namespace

struct Peer::Http {
  struct Answer {
    long status = 0;
    std::string body;
  };

  explicit Http(std::string address_of_peer) : address(std::move(address_of_peer)) {}

  // Without a body: GET. Status 0: nobody answers.
  [[nodiscard]] Answer exchange(const std::string& path, const std::string* body,
                                const std::vector<std::string>& headers = {}) const {
    Answer answer;
    curl_easy_reset(curl.get());
    const auto set = [&](CURLoption option, auto value) {
      curl_easy_setopt(curl.get(), option, value);
    };
    const std::string url = "http://" + address + path;
    curl_slist* list = nullptr;
    for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
    list = curl_slist_append(list, "Expect:");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_NOPROXY, "*");
    set(CURLOPT_HTTPHEADER, list);
    set(CURLOPT_WRITEFUNCTION, &take_answer);
    set(CURLOPT_WRITEDATA, &answer.body);
    if (body != nullptr) {
      set(CURLOPT_POSTFIELDS, body->data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    }
    if (curl_easy_perform(curl.get()) == CURLE_OK) {
      curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    }
    curl_slist_free_all(list);
    return answer;
  }

  std::string address;
  std::unique_ptr<CURL, void (*)(CURL*)> curl{curl_easy_init(), &curl_easy_cleanup};
};

Peer::Peer(Product product, const fs::path& directory)
    : product_(product),
      directory_(directory),
      http_(std::make_unique<Http>(fmt::format("127.0.0.1:{}", load::free_port()))) {
  fs::create_directories(directory);
  server_ = std::make_unique<load::Server>(
      must(load::Server::start(command_of(product, http_->address, directory), directory / "log")));
  const std::string ready = product == Product::kPrometheus ? "/-/ready" : "/health";
  wait_until("the peer to be ready", kReadyMax,
             [&] { return http_->exchange(ready, nullptr).status == 200; });
}

Peer::~Peer() { server_->end(SIGTERM); }

std::string_view Peer::remote_write_path() const { return "/api/v1/write"; }

void Peer::write(const Endpoint& endpoint, const std::string& body) const {
  const auto answer = http_->exchange(endpoint.path, &body, endpoint.headers);
  if (answer.status / 100 == 2) return;
  give_up(fmt::format("a peer refused samples with {}: {}", answer.status, answer.body));
}

double Peer::metric(std::string_view name) const {
  std::istringstream lines(http_->exchange("/metrics", nullptr).body);
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    const char next = line[name.size()];
    if (next == ' ' || next == '{') sum += std::stod(line.substr(line.rfind(' ')));
  }
  return sum;
}

std::uint64_t Peer::samples() const {
  return static_cast<std::uint64_t>(metric(product_ == Product::kPrometheus
                                               ? "prometheus_tsdb_head_samples_appended_total"
                                               : "vm_rows_inserted_total"));
}

double Peer::processor_seconds() const {
  std::ifstream file(fmt::format("/proc/{}/stat", server_->pid()));
  std::string stat;
  std::getline(file, stat);
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // up to utime, the 14th of all
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// A snapshot writes the samples of the head as a block, and links what was compacted before.
std::uint64_t Peer::settle_prometheus() const {
  const std::string nothing;
  const auto answer = http_->exchange("/api/v1/admin/tsdb/snapshot", &nothing);
  if (answer.status != 200) give_up("prometheus makes no snapshot: " + answer.body);
  return load::bytes_below(directory_ / "data/snapshots");
}

std::uint64_t Peer::settle_victoria() const {
  for (const char* path : {"/internal/force_flush", "/internal/force_merge"}) {
    if (http_->exchange(path, nullptr).status != 200) give_up("victoria-metrics does not merge");
  }
  // The merge begins and ends in the background; it ends with one part for each kind.
  wait_until("victoria-metrics to merge", kSettleMax, [&] {
    return metric("vm_active_force_merges") == 0 && metric("vm_active_merges") == 0 &&
           metric("vm_pending_rows") == 0;
  });
  return load::bytes_below(directory_ / "data/data") +
         load::bytes_below(directory_ / "data/indexdb");
}

std::uint64_t Peer::settle() const {
  return product_ == Product::kPrometheus ? settle_prometheus() : settle_victoria();
}

}  // namespace faultline::bench
