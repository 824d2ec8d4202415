// RecoveryLog: RocksDB's own log, read along for what its recovery left out.
//
// Why it exists: after a crash RocksDB uses its write-ahead log up to the first record that it
// cannot read, and says only in a file of its own that it dropped the rest. A torn end is usual
// (what was being written was not acknowledged); damage further in loses what was acknowledged, and
// an operator has to hear of it.
//
// Thread safety: as rocksdb::Logger, any thread.
#pragma once

#include <cstdarg>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <rocksdb/env.h>

namespace faultline::store {

class RecoveryLog final : public rocksdb::Logger {
 public:
  static constexpr std::size_t kLinesMax = 8;  // more are only in the file

  // `file`: where everything goes; null: nowhere.
  explicit RecoveryLog(std::shared_ptr<rocksdb::Logger> file)
      : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), file_(std::move(file)) {}

  using Logger::Logv;
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
  void LogHeader(const char* format, va_list arguments) override;
  void Flush() override;
  size_t GetLogFileSize() const override;

  // What was dropped, in RocksDB's words.
  [[nodiscard]] std::vector<std::string> dropped() const;

 private:
  const std::shared_ptr<rocksdb::Logger> file_;
  mutable std::mutex mutex_;
  std::vector<std::string> dropped_;
};

}  // namespace faultline::store
