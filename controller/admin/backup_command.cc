#include "controller/admin/backup_command.h"

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/async/clock.h"
#include "controller/admin/work.h"
#include "controller/backup/backup.h"
#include "controller/backup/data_dir.h"
#include "controller/cli/client.h"
#include "controller/store/rocks_store.h"

namespace faultline::admin {
namespace {

namespace fs = std::filesystem;

// A flush of the write buffers, on a slow disk.
constexpr Duration kCheckpointTimeout = std::chrono::minutes{2};

Error no_answer(const app::ControllerConfig& config, const cli::Failure& failure) {
  return {ErrorCode::kUnavailable,
          fmt::format("a controller runs on {} but makes no checkpoint: {}",
                      config.data_dir.string(), failure.message)};
}

Status ask_controller(const app::ControllerConfig& config, Work& work) {
  const auto client = cli::ApiClient::create(
      {.api = "unix:" + config.api_socket.string(),
       .timeout = kCheckpointTimeout,
       .waiting = [&work] { work.waiting("waiting for the controller's checkpoint"); }});
  if (!client) return tl::unexpected<Error>(no_answer(config, client.error()));
  const auto answer = client->post("/api/v1/checkpoint", "");
  if (!answer) return tl::unexpected<Error>(no_answer(config, answer.error()));
  const auto document = nlohmann::json::parse(*answer, nullptr, false);
  const auto directory = document.is_object() ? document.value("directory", "") : "";
  std::error_code error;
  const auto expected = config.data_dir / backup::kCheckpointFolder;
  if (fs::equivalent(directory, expected, error)) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("the controller at {} keeps its data elsewhere than in {}: is this its "
                          "configuration?",
                          config.api_socket.string(), config.data_dir.string()));
}

Status make_checkpoint(const app::ControllerConfig& config) {
  const auto& data_dir = config.data_dir;
  std::error_code error;
  if (!fs::exists(data_dir / backup::kStoreFolder, error)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is nothing to back up in {}", data_dir.string()));
  }
  const ActAsOwner owner(data_dir);
  FAULTLINE_TRY(const auto store, store::RocksStore::open(data_dir / backup::kStoreFolder));
  return store->checkpoint(data_dir / backup::kCheckpointFolder);
}

}  // namespace

Result<std::string> back_up(const app::ControllerConfig& config, const fs::path& to) {
  const auto& data_dir = config.data_dir;
  FAULTLINE_TRY(const auto lock, backup::DataDirLock::take(data_dir));
  FAULTLINE_TRY_STATUS(backup::tidy(data_dir));
  const auto created_at = async::now_wall();
  Work work("packing");
  const auto checkpoint =
      backup::is_store_open(data_dir) ? ask_controller(config, work) : make_checkpoint(config);
  const auto packed = checkpoint.and_then([&]() -> Result<backup::Manifest> {
    return backup::pack({.data_dir = data_dir,
                         .to = to,
                         .software = "faultline-controller " FAULTLINE_VERSION,
                         .created_at = created_at},
                        [&work](auto done, auto all) { return work.update(done, all); });
  });
  work.end();
  // Whatever happened. What cannot be removed now is removed by the next backup or start.
  static_cast<void>(backup::remove_tree(data_dir / backup::kCheckpointFolder));
  if (!packed) return tl::unexpected<Error>(packed.error());
  std::error_code error;
  const auto size = fs::file_size(to, error);
  return fmt::format("{}: {} files, {} packed into {}; it holds keys, keep it secret", to.string(),
                     packed->files.size(), size_text(packed->bytes()), size_text(size));
}

}  // namespace faultline::admin
