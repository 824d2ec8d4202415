#include "probe/app/state_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>

#include <fmt/format.h>

#include "common/config/document.h"
#include "common/crypto/key_file.h"
#include "common/wire/plan_codec.h"

namespace faultline::probe_app {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> fail_errno(std::string_view what, const fs::path& path) {
  const int error_number = errno;
  return fail(error_number == EACCES ? ErrorCode::kDenied : ErrorCode::kUnavailable,
              fmt::format("cannot {} {}: {}", what, path.string(),
                          std::generic_category().message(error_number)));
}

enum class Durability : std::uint8_t { kSynced, kNone };

Status write_all(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status sync_directory(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno("open", path);
  const int outcome = ::fsync(fd);
  ::close(fd);
  if (outcome != 0) return fail_errno("sync", path);
  return {};
}

// All of it or nothing, whatever happens meanwhile.
Status replace_file(const fs::path& path, std::span<const std::byte> bytes,
                    Durability durability = Durability::kSynced) {
  const fs::path fresh = path.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail_errno("create", fresh);
  auto written = write_all(fd, bytes, fresh);
  if (written && durability == Durability::kSynced && ::fsync(fd) != 0) {
    written = fail_errno("sync", fresh);
  }
  ::close(fd);
  FAULTLINE_TRY_STATUS(written);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno("replace", path);
  if (durability == Durability::kNone) return {};
  return sync_directory(path.parent_path());
}

WallTime modified_at(const struct stat& info) {
  return WallTime{std::chrono::seconds{info.st_mtim.tv_sec} + Duration{info.st_mtim.tv_nsec}};
}

}  // namespace

Result<StateDir> StateDir::open(fs::path path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("create the state directory", path);
  }
  if (!fs::is_directory(path, error)) {
    return fail(ErrorCode::kInvalid, fmt::format("{} is not a directory", path.string()));
  }
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return fail_errno("write to the state directory", path);
  }
  return StateDir{std::move(path)};
}

Result<crypto::KeyPair> StateDir::node_key() const {
  return crypto::load_or_create_key_pair(path_ / "node.key");
}

Result<std::optional<probe_core::Membership>> StateDir::load_membership() const {
  const auto file = path_ / "membership.yaml";
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  FAULTLINE_TRY(auto document, config::Document::load_file(file));
  auto root = document.root();
  probe_core::Membership membership;
  std::uint32_t node = 0;
  std::vector<std::string> keys;
  root.required("node").integer("node", node, 1U);
  root.required("name").text("name", membership.name);
  root.required("endpoints").texts("endpoints", membership.endpoints);
  root.required("controllers").texts("controllers", keys);
  membership.node = NodeId{node};
  for (const auto& text : keys) {
    if (const auto key = parse_public_key(text)) {
      membership.controllers.push_back(*key);
    } else {
      root.error("controllers", "a key has 64 hex digits");
    }
  }
  if (membership.endpoints.empty()) root.error("endpoints", "there is none");
  if (keys.empty()) root.error("controllers", "there is none");
  FAULTLINE_TRY_STATUS(document.finish());
  return membership;
}

Status StateDir::save_membership(const probe_core::Membership& membership) const {
  std::string text = fmt::format(
      "# Written by faultline-probe when it joined. Without this file it joins anew, with a "
      "token.\n"
      "node: {}\nname: \"{}\"\nendpoints:\n",
      membership.node.value(), membership.name);
  for (const auto& endpoint : membership.endpoints) text += fmt::format("  - \"{}\"\n", endpoint);
  text += "controllers:\n";
  for (const auto& key : membership.controllers)
    text += fmt::format("  - \"{}\"\n", to_string(key));
  return replace_file(path_ / "membership.yaml", std::as_bytes(std::span(text)));
}

Result<std::optional<probe_core::SavedPlan>> StateDir::load_plan() const {
  const auto path = path_ / "plan.capnp";
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return fail_errno("inspect", path);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail_errno("open", path);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  FAULTLINE_TRY(auto plan, wire::decode_plan(std::as_bytes(std::span(content))));
  return probe_core::SavedPlan{.plan = std::move(plan), .saved_at = modified_at(info)};
}

Status StateDir::save_plan(const Plan& plan) const {
  return replace_file(path_ / "plan.capnp", wire::encode(plan));
}

Status StateDir::save_health(std::string_view json) const {
  return replace_file(path_ / kHealthFile, std::as_bytes(std::span(json)), Durability::kNone);
}

void StateDir::remove_health() const { ::unlink((path_ / kHealthFile).c_str()); }

}  // namespace faultline::probe_app
