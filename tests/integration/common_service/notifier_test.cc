// What is sent to a service manager's real socket, also when nobody reads it.
#include "common/service/notifier.h"

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/service_manager.h"

namespace faultline::service {
namespace {

using std::chrono::milliseconds;
using tests::EnvironmentVariable;
using tests::NotifySocket;

class NotifyFolder {
 public:
  NotifyFolder() {
    std::string name = "/tmp/faultline_notify_XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~NotifyFolder() { std::filesystem::remove_all(path_); }
  NotifyFolder(const NotifyFolder&) = delete;
  NotifyFolder& operator=(const NotifyFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Of all that is there.
std::string read_all(const NotifySocket& socket, std::uint64_t& datagrams) {
  std::string all;
  while (const auto text = socket.next(milliseconds{1})) {
    all += *text + "\n\n";
    ++datagrams;
  }
  return all;
}

TEST_CASE("what a service manager does not read is dropped and counted, and nothing waits for it",
          "[service]") {
  const NotifyFolder folder;
  const NotifySocket socket(folder.path());
  const EnvironmentVariable variable("NOTIFY_SOCKET", socket.path());
  Notifier notifier;
  REQUIRE(notifier.enabled());
  // Its queue holds net.unix.max_dgram_qlen datagrams, and the sender's buffer limits them as well.
  // Where a message waited for room this would never end.
  constexpr std::uint64_t kMessages = 100'000;
  for (std::uint64_t i = 0; i < kMessages; ++i) notifier.keep_alive();
  CHECK(notifier.dropped() > 0);
  notifier.ready("started");  // there is no room for it

  std::uint64_t read = 0;
  CHECK(read_all(socket, read).find("READY=1") == std::string::npos);
  CHECK(read + notifier.dropped() == kMessages + 1);
  const auto dropped = notifier.dropped();

  // The next message says it, and only that one.
  notifier.keep_alive();
  CHECK(*socket.next(milliseconds{1}) == "READY=1\nWATCHDOG=1");
  notifier.status("two\nlines");
  CHECK(*socket.next(milliseconds{1}) == "STATUS=two lines");
  notifier.stopping("done");
  CHECK(*socket.next(milliseconds{1}) == "STOPPING=1\nSTATUS=done");
  CHECK(notifier.dropped() == dropped);
}

TEST_CASE("a socket that is gone, or is none, stops nobody", "[service]") {
  const NotifyFolder folder;
  {
    const EnvironmentVariable variable("NOTIFY_SOCKET", (folder.path() / "nobody").string());
    Notifier notifier;
    notifier.ready("started");
    CHECK(notifier.dropped() == 1);
  }
  for (const std::string socket : {"", "relative/path", "@", "vsock:2:9"}) {
    CAPTURE(socket);
    const EnvironmentVariable variable("NOTIFY_SOCKET", socket);
    Notifier notifier;
    CHECK_FALSE(notifier.enabled());
    notifier.keep_alive();
    CHECK(notifier.dropped() == 0);
  }
}

}  // namespace
}  // namespace faultline::service
