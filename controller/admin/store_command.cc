#include "controller/admin/store_command.h"

#include <utility>

#include <fmt/format.h>

#include "controller/admin/work.h"
#include "controller/store/repair.h"
#include "controller/store/rocks_store.h"

namespace faultline::admin {
namespace {

namespace fs = std::filesystem;

Result<fs::path> store_of(const fs::path& data_dir) {
  auto directory = data_dir / "store";
  if (fs::exists(directory / "CURRENT")) return directory;
  return fail(ErrorCode::kNotFound, fmt::format("there is no store in {}", directory.string()));
}

// What one process has open no other may look after.
Error with_advice(Error error) {
  if (error.code == ErrorCode::kConflict) {
    error.context += ": stop it first, or ask the copy that `faultline-controller backup` makes";
  }
  return error;
}

Result<std::unique_ptr<store::RocksStore>> open_store(const fs::path& data_dir) {
  FAULTLINE_TRY(const auto directory, store_of(data_dir));
  auto opened = store::RocksStore::open(
      directory, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  if (opened) return opened;
  return tl::unexpected(with_advice(std::move(opened).error()));
}

std::string listed(const std::vector<store::UnusableFile>& files) {
  std::string text;
  for (const auto& file : files) text += fmt::format("\n  {}", store::to_string(file));
  return text;
}

// A store that RocksDB refuses: which tables are why, where they are.
Error with_unusable(Error error, const fs::path& data_dir) {
  if (error.code != ErrorCode::kCorrupt) return error;
  if (const auto files = store::unusable_files(data_dir / "store"); files && !files->empty()) {
    error.context += fmt::format("\ncannot be used:{}", listed(*files));
  }
  return error;
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
  auto store = open_store(data_dir);
  if (!store) return tl::unexpected(with_unusable(std::move(store).error(), data_dir));
  const auto& opened = *store;
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

Result<std::string> repair_store(const fs::path& data_dir, bool agreed) {
  const ActAsOwner owner(data_dir);
  FAULTLINE_TRY(const auto directory, store_of(data_dir));
  const auto aside = data_dir / "store-left-out";
  auto files =
      agreed ? store::leave_out_unusable(directory, aside) : store::unusable_files(directory);
  if (!files) return tl::unexpected(with_advice(std::move(files).error()));
  if (files->empty()) {
    return std::string(
        "every table can be used: there is nothing to repair; `store check` reads them");
  }
  if (agreed) {
    return fmt::format(
        "the store goes on without what only these held; what is left of them is in "
        "{}:{}",
        aside.string(), listed(*files));
  }
  return fail(ErrorCode::kCorrupt,
              fmt::format("{} tables cannot be used, and nothing was done; to go on without what "
                          "only they held, which is lost then unless a backup has it, say "
                          "`faultline-controller store repair --yes`:{}",
                          files->size(), listed(*files)));
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
