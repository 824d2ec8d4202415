#include "controller/admin/store_command.h"

#include <fmt/format.h>

#include "controller/admin/work.h"
#include "controller/store/rocks_store.h"

namespace faultline::admin {
namespace {

Result<std::unique_ptr<store::RocksStore>> open_store(const std::filesystem::path& data_dir) {
  const auto directory = data_dir / "store";
  if (!std::filesystem::exists(directory / "CURRENT")) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no store in {}", directory.string()));
  }
  auto opened = store::RocksStore::open(
      directory, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  if (opened || opened.error().code != ErrorCode::kConflict) return opened;
  return fail(ErrorCode::kConflict,
              opened.error().context +
                  ": stop it first, or ask the copy that `faultline-controller backup` makes");
}

std::uint64_t bytes_of(const store::RocksStore& store) {
  std::uint64_t bytes = 0;
  for (const auto& tier : store.tiers()) bytes += tier.bytes;
  return bytes;
}

}  // namespace

Result<std::string> check_store(const std::filesystem::path& data_dir) {
  const ActAsOwner owner(data_dir);
  Work work("checking");
  FAULTLINE_TRY(const auto opened, open_store(data_dir));
  std::uint64_t done = 0;
  const std::size_t all = opened->tiers().size();
  FAULTLINE_TRY(const auto checked,
                opened->check([&](const std::string&) { return work.update(done++, all); }));
  work.end();
  std::uint64_t keys = 0;
  std::uint64_t damaged = 0;
  std::string places;
  for (const auto& tier : checked) {
    keys += tier.summary.visited;
    damaged += tier.summary.damaged;
    for (const auto& place : tier.summary.damaged_places) {
      places += fmt::format("\n  {}: {}", tier.name, place);
    }
  }
  if (damaged == 0) {
    return fmt::format("the store is good: {} keys, {}", keys, size_text(bytes_of(*opened)));
  }
  return fail(
      ErrorCode::kCorrupt,
      fmt::format("{} damaged places, the rest can be used ({} keys); look at the disk, and "
                  "restore a backup if what is damaged matters:{}",
                  damaged, keys, places));
}

Result<std::string> store_stats(const std::filesystem::path& data_dir) {
  const ActAsOwner owner(data_dir);
  FAULTLINE_TRY(const auto opened, open_store(data_dir));
  std::string text = fmt::format("{:10} {:>12} {:>12}  {}", "TIER", "BYTES", "KEYS", "SINCE");
  for (const auto& tier : opened->tiers()) {
    text += fmt::format("\n{:10} {:>12} {:>12}  {}", tier.name, tier.bytes, tier.keys,
                        tier.oldest ? format_rfc3339(*tier.oldest) : "-");
  }
  return text;
}

Result<std::string> compact_store(const std::filesystem::path& data_dir) {
  const ActAsOwner owner(data_dir);
  Work work("compacting");
  FAULTLINE_TRY(const auto opened, open_store(data_dir));
  const std::uint64_t before = bytes_of(*opened);
  work.waiting("compacting");
  FAULTLINE_TRY_STATUS(opened->compact());
  work.end();
  return fmt::format("the store is compact: {}, {} before", size_text(bytes_of(*opened)),
                     size_text(before));
}

}  // namespace faultline::admin
