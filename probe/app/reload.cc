#include "probe/app/reload.h"

#include <algorithm>

namespace faultline::probe_app {
namespace {

using Keys = std::vector<std::string_view>;

void note(bool differs, Keys& keys, std::string_view key) {
  if (differs) keys.push_back(key);
}

template <typename T>
void take(std::string_view key, const T& read, T& running, Keys& taken) {
  note(running != read, taken, key);
  running = read;
}

}  // namespace

bool Reload::takes(std::string_view key) const {
  return std::ranges::find(taken, key) != taken.end();
}

Reload reload(const ProbeConfig& running, const ProbeConfig& read) {
  Reload result{.running = running};
  auto& now = result.running;
  take(kLabelsKey, read.profile.labels, now.profile.labels, result.taken);
  take(kStrangersKey, read.strangers, now.strangers, result.taken);
  take(kSpoolSizeKey, read.spool_size_max, now.spool_size_max, result.taken);
  take(kLogLevelKey, read.log.level, now.log.level, result.taken);

  auto& waiting = result.waiting;
  const auto& was = running.profile;
  const auto& is = read.profile;
  note(running.state_dir != read.state_dir, waiting, "state_dir");
  note(running.token_file != read.token_file, waiting, "token_file");
  note(running.token != read.token, waiting, "token");
  note(running.controllers != read.controllers, waiting, "controllers");
  note(running.name != read.name, waiting, "name");
  note(was.address != is.address, waiting, "address");
  note(was.kind != is.kind, waiting, "kind");
  note(was.source_port_first != is.source_port_first, waiting, "ports.first");
  note(was.source_port_count != is.source_port_count, waiting, "ports.count");
  note(was.reflector_port != is.reflector_port, waiting, "reflector_port");
  note(was.mesh_port != is.mesh_port, waiting, "mesh_port");
  note(running.log.format != read.log.format, waiting, "log.format");
  return result;
}

}  // namespace faultline::probe_app
