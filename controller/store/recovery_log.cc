#include "controller/store/recovery_log.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace faultline::store {
namespace {

constexpr std::string_view kDropping = "dropping ";  // "...000012.log: dropping 4123 bytes; ..."

}  // namespace

void RecoveryLog::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < GetInfoLogLevel()) return;
  std::array<char, 512> text{};
  va_list again;
  va_copy(again, arguments);
  std::vsnprintf(text.data(), text.size(), format, again);
  va_end(again);
  if (std::string_view(text.data()).find(kDropping) != std::string_view::npos) {
    const std::lock_guard lock(mutex_);
    if (dropped_.size() < kLinesMax) dropped_.emplace_back(text.data());
  }
  if (file_ != nullptr) file_->Logv(level, format, arguments);
}

void RecoveryLog::LogHeader(const char* format, va_list arguments) {
  if (file_ != nullptr) file_->LogHeader(format, arguments);
}

void RecoveryLog::Flush() {
  if (file_ != nullptr) file_->Flush();
}

size_t RecoveryLog::GetLogFileSize() const {
  return file_ == nullptr ? kDoNotSupportGetLogFileSize : file_->GetLogFileSize();
}

std::vector<std::string> RecoveryLog::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace faultline::store
