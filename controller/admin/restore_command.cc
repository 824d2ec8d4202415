#include "controller/admin/restore_command.h"

#include <fmt/format.h>

#include "common/async/clock.h"
#include "controller/admin/work.h"
#include "controller/backup/restore.h"

namespace faultline::admin {
namespace {

std::string describe(const backup::Manifest& manifest) {
  return fmt::format("{} files, {}, made by {} at {}", manifest.files.size(),
                     size_text(manifest.bytes()), manifest.software,
                     format_rfc3339(std::chrono::floor<std::chrono::seconds>(manifest.created_at)));
}

}  // namespace

Result<std::string> restore_data(const RestoreArguments& arguments) {
  Work work(arguments.verify_only ? "verifying" : "restoring");
  const auto progress = [&work](auto done, auto all) { return work.update(done, all); };
  if (arguments.verify_only) {
    FAULTLINE_TRY(const auto manifest, backup::verify(arguments.from, progress));
    return fmt::format("{} is good: {}", arguments.from.string(), describe(manifest));
  }
  FAULTLINE_TRY(const auto restored, backup::restore({.from = arguments.from,
                                                      .data_dir = arguments.data_dir,
                                                      .force = arguments.force,
                                                      .now = async::now_wall()},
                                                     progress));
  auto text = fmt::format("restored {} from {}: {}, {} nodes", arguments.data_dir.string(),
                          arguments.from.string(), describe(restored.manifest), restored.nodes);
  if (!restored.aside.empty()) {
    text += fmt::format("\nthe data that was there is in {}; remove it when you are sure",
                        restored.aside.string());
  }
  return text;
}

}  // namespace faultline::admin
