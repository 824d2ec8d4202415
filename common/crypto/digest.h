// SHA-256 (FIPS 180-4) of what comes in pieces. Thread safety: none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace faultline::crypto {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::span<const std::byte> bytes);
  // 64 lower-case hex digits. Nothing may be added afterwards.
  [[nodiscard]] std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace faultline::crypto
