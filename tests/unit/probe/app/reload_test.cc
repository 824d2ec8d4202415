#include "probe/app/reload.h"

#include "tests/support/catch.h"

namespace faultline::probe_app {
namespace {

using Keys = std::vector<std::string_view>;

TEST_CASE("a configuration that was read again without a change changes nothing",
          "[probe_app][reload]") {
  const auto same = reload({}, {});
  CHECK(same.taken.empty());
  CHECK(same.waiting.empty());
}

TEST_CASE("what loses no state takes effect at once, and what else differs waits for a start",
          "[probe_app][reload]") {
  ProbeConfig read;
  read.profile.labels = {{"rack", "r2"}};
  read.strangers.allowed = {{IpAddress::v4(0xc0000200), 24}};
  read.spool_size_max = spool::kSpoolSizeMin;
  read.log.level = obs::LogLevel::kDebug;
  read.profile.reflector_port = 8862;
  read.profile.source_port_first = 50000;
  read.name = "other";
  read.state_dir = "/elsewhere";
  const auto change = reload({}, read);
  CHECK(change.taken == Keys{"labels", "strangers", "spool.size_max", "log.level"});
  CHECK(change.waiting == Keys{"state_dir", "name", "ports.first", "reflector_port"});
  CHECK(change.takes(kStrangersKey));
  CHECK_FALSE(change.takes("name"));

  const ProbeConfig before;
  CHECK(change.running.profile.labels == read.profile.labels);
  CHECK(change.running.strangers == read.strangers);
  CHECK(change.running.spool_size_max == read.spool_size_max);
  CHECK(change.running.log.level == read.log.level);
  CHECK(change.running.profile.reflector_port == before.profile.reflector_port);
  CHECK(change.running.name == before.name);
  // Told again as long as it has not taken effect.
  const auto again = reload(change.running, read);
  CHECK(again.taken.empty());
  CHECK(again.waiting == change.waiting);
}

TEST_CASE("a rate of strangers is a change of its own", "[probe_app][reload]") {
  ProbeConfig read;
  ++read.strangers.packets_per_second_max;
  CHECK(reload({}, read).taken == Keys{"strangers"});
}

}  // namespace
}  // namespace faultline::probe_app
