#include "tests/load/controller.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <unordered_map>

#include <fmt/format.h>

#include "common/crypto/key_file.h"
#include "controller/store/rocks_store.h"

namespace faultline::load {
namespace {

constexpr Duration kStartMax = std::chrono::minutes{2};

tl::unexpected<Error> failed(const cli::Failure& failure) {
  return fail(ErrorCode::kUnavailable, failure.message);
}

cli::Outcome<cli::ApiClient> client(const std::string& api) {
  return cli::ApiClient::create({.api = api});
}

}  // namespace

std::string node_name(std::uint32_t index) { return fmt::format("load{:04}", index); }

std::vector<crypto::KeyPair> make_keys(std::uint32_t count) {
  std::vector<crypto::KeyPair> keys;
  keys.reserve(count);
  while (keys.size() < count) keys.push_back(crypto::generate_key_pair());
  return keys;
}

ControllerUnderLoad::ControllerUnderLoad(Options options)
    : options_(std::move(options)), endpoint_(fmt::format("tcp://127.0.0.1:{}", free_port())) {
  std::ofstream(options_.directory / "controller.yaml")
      << "data_dir: " << (options_.directory / "data").string() << "\nlisten: " << endpoint_
      << "\napi: {socket: " << (options_.directory / "api.sock").string()
      << "}\nwindow: " << format_duration(options_.window) << "\nplan: {reply_timeout: "
      << format_duration(std::min<Duration>(std::chrono::seconds{2}, options_.window / 2))
      << ", tracked_flows_per_node_max: " << options_.planned_flows << "}\n"
      << options_.more_config;
}

std::string ControllerUnderLoad::api() const {
  return "unix:" + (options_.directory / "api.sock").string();
}

Status ControllerUnderLoad::start() {
  FAULTLINE_TRY(auto server, Server::start({options_.program, "--config",
                                            (options_.directory / "controller.yaml").string()},
                                           options_.directory / "controller.log"));
  server_.emplace(std::move(server));
  FAULTLINE_TRY_STATUS(server_->wait_for_line("ready: version", kStartMax));
  FAULTLINE_TRY(const auto keys, crypto::load_key_pair(options_.directory / "data/controller.key"));
  key_ = keys.public_key;
  return {};
}

int ControllerUnderLoad::end(int signal) { return server_ ? server_->end(signal) : 0; }

Status enroll(const std::string& api, const std::vector<crypto::KeyPair>& keys) {
  const auto operator_ = client(api);
  if (!operator_) return failed(operator_.error());
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    const auto body =
        fmt::format(R"({{"name":"{}","key":"{}"}})", node_name(i), to_string(keys[i].public_key));
    if (const auto done = operator_->post("/api/v1/nodes", body); !done) {
      return failed(done.error());
    }
    if ((i + 1) % 500 == 0) fmt::print(stderr, "  {} keys are placed\n", i + 1);
  }
  return {};
}

cli::Outcome<std::string> get(const std::string& api, const std::string& target) {
  const auto operator_ = client(api);
  if (!operator_) return tl::unexpected(operator_.error());
  return operator_->get(target);
}

double metric(const std::string& api, const std::string& name) {
  const auto text = get(api, "/metrics");
  if (!text) return 0;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
  }
  return 0;
}

Result<Audit> audit(const std::filesystem::path& directory, const Source& source,
                    const LoadOptions& options) {
  FAULTLINE_TRY(const auto store, store::RocksStore::open(directory));
  std::unordered_map<NodeId, std::uint32_t> index_of;
  for (std::uint32_t i = 0; i < source.nodes().size(); ++i) index_of[source.nodes()[i]] = i;
  std::vector<std::uint8_t> seen(std::size_t{options.shape.nodes} * options.windows);
  Audit result;
  const auto visit = [&](NodeId node, const Report& report) {
    const auto at = index_of.find(node);
    if (at == index_of.end()) return true;
    const auto window =
        static_cast<std::uint32_t>((report.window_start - source.base()) / options.shape.window);
    auto& times = seen[std::size_t{at->second} * options.windows + window];
    const auto& record = source.record(at->second, window);
    if (times++ > 0) ++result.repeated;
    if (record.digest != digest_of(report)) ++result.altered;
    if (!record.is_acknowledged) ++result.unacknowledged;
    return true;
  };
  FAULTLINE_TRY(
      const auto summary,
      store->views().scan_reports(source.base(), source.start_of(options.windows), {}, visit));
  result.damaged = summary.damaged;
  for (std::uint32_t i = 0; i < options.shape.nodes; ++i) {
    for (std::uint32_t window = 0; window < options.windows; ++window) {
      if (!source.record(i, window).is_acknowledged) continue;
      ++result.acknowledged;
      if (seen[std::size_t{i} * options.windows + window] == 0) ++result.missing;
    }
  }
  return result;
}

}  // namespace faultline::load
