// Peer: Prometheus or VictoriaMetrics as this process' child on loopback, with its data in a
// directory of its own: fed, made to write everything in its smallest form, and ended.
//
// Thread safety: none. What fails is said, and ends the benchmark.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/peers/encodings.h"
#include "tests/load/server.h"

namespace faultline::bench {

enum class Product : std::uint8_t { kPrometheus, kVictoriaMetrics };

class Peer {
 public:
  // Starts it and waits until it is ready.
  Peer(Product product, const std::filesystem::path& directory);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void write(const Endpoint& endpoint, const std::string& body) const;
  // Everything that was written goes to disk in the form that it is kept in; returns its bytes.
  [[nodiscard]] std::uint64_t settle() const;
  // How many samples it says that it has taken.
  [[nodiscard]] std::uint64_t samples() const;
  // Of the process, since its start: user and system, ended threads with them.
  [[nodiscard]] double processor_seconds() const;
  [[nodiscard]] std::string_view remote_write_path() const;

 private:
  struct Http;
  [[nodiscard]] double metric(std::string_view name) const;  // the sum over its labels
  [[nodiscard]] std::uint64_t settle_prometheus() const;
  [[nodiscard]] std::uint64_t settle_victoria() const;

  Product product_;
  std::filesystem::path directory_;
  std::unique_ptr<Http> http_;
  std::unique_ptr<load::Server> server_;
};

}  // namespace faultline::bench
