#include "controller/store/migration.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "controller/store/database.h"

namespace faultline::store {
namespace {

constexpr std::string_view kFrom = " from ";

// Takes a positive number from the front of `text`.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || number == 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  return number;
}

Status run_step(Database& database, const MigrationStep& step, const OpenOptions& options) {
  const auto tell = [&](const std::string& line) {
    if (options.on_progress) options.on_progress(line);
  };
  const StoredFormat under_way{step.from + 1, step.from};
  FAULTLINE_TRY(auto position, database.migration_position(under_way));
  tell(fmt::format("bringing the data from format {} to {} ({}){}", step.from, step.from + 1,
                   step.what, position.empty() ? "" : ", going on where it was interrupted"));
  std::uint64_t keys = 0;
  for (;;) {  // until the step has nothing left
    FAULTLINE_TRY(auto batch, step.run(database, position));
    keys += batch.keys;
    if (!batch.next) {
      FAULTLINE_TRY_STATUS(
          database.write_migrated(batch.writes, {step.from + 1, std::nullopt}, std::nullopt));
      break;
    }
    FAULTLINE_TRY_STATUS(database.write_migrated(batch.writes, under_way, batch.next));
    position = *batch.next;
    if (keys / (100 * kMigrationBatchKeys) != (keys - batch.keys) / (100 * kMigrationBatchKeys)) {
      tell(fmt::format("format {}: {} keys so far", step.from + 1, keys));
    }
  }
  tell(fmt::format("the data has format {} now: {} keys", step.from + 1, keys));
  return {};
}

}  // namespace

std::span<const MigrationStep> migration_steps() {
  static const std::array steps{
      // Reports of format 1 are those that format 2 has not sealed yet: the sealer finds them where
      // they are, and the controller need not wait for it.
      MigrationStep{1, "reports will be sealed into blocks and roll-ups",
                    [](const Database&, std::string_view) -> Result<MigrationBatch> {
                      return MigrationBatch{};
                    }},
      // Parts of node blocks say which layout they have.
      MigrationStep{2, "windows will say more of their prober",
                    [](const Database&, std::string_view) -> Result<MigrationBatch> {
                      return MigrationBatch{};
                    }}};
  return steps;
}

std::optional<StoredFormat> parse_format(std::string_view text) {
  const auto version = take_number(text);
  if (!version) return std::nullopt;
  if (text.empty()) return StoredFormat{*version, std::nullopt};
  if (!text.starts_with(kFrom)) return std::nullopt;
  text.remove_prefix(kFrom.size());
  const auto from = take_number(text);
  if (!from || !text.empty() || *from >= *version) return std::nullopt;
  return StoredFormat{*version, from};
}

std::string to_string(const StoredFormat& format) {
  if (!format.from) return std::to_string(format.version);
  return fmt::format("{}{}{}", format.version, kFrom, *format.from);
}

Status migrate(Database& database, StoredFormat stored, const OpenOptions& options) {
  for (auto at = stored.from.value_or(stored.version); at < options.format; ++at) {
    const auto step = std::ranges::find(options.steps, at, &MigrationStep::from);
    if (step == options.steps.end()) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("this faultline-controller cannot bring data from format {} to {}: "
                              "start a version in between first",
                              at, at + 1));
    }
    FAULTLINE_TRY_STATUS(run_step(database, *step, options));
  }
  return {};
}

}  // namespace faultline::store
