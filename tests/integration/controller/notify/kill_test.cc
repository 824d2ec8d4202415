// A controller that dies between any two steps of a delivery, on a real RocksDB and a real
// receiver.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/controller/notify/http_receiver.h"
#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

// Two around the commit of the alerts, five for each of three alerts.
constexpr int kSteps = 2 + 3 * 5;

struct Folder {
  std::string path = "/tmp/faultline-outbox-XXXXXX";

  Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

// Its status, as waitpid() has it.
int run(const std::string& folder, const std::string& url, int step) {
  const auto number = std::to_string(step);
  const auto store = folder + "/store";
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl(DELIVER_UNTIL_KILLED, DELIVER_UNTIL_KILLED, store.c_str(), url.c_str(), number.c_str(),
            nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

struct Post {
  std::string key;
  std::string body;
};

// Empty of one whose sender was killed before all of its head had left.
Post post_of(const std::string& request) {
  constexpr std::string_view kHeader = "X-Faultline-Idempotency-Key: ";
  const auto header = request.find(kHeader);
  const auto end_of_head = request.find("\r\n\r\n");
  if (header == std::string::npos || end_of_head == std::string::npos) return {};
  const auto begin = header + kHeader.size();
  return {request.substr(begin, request.find("\r\n", begin) - begin),
          request.substr(end_of_head + 4)};
}

}  // namespace

TEST_CASE("killed between any two steps, no alert is lost, and a double has the same key and body",
          "[notify][kill]") {
  const std::vector<std::string> expected{"i-1-1-opened", "i-1-2-opened", "i-1-3-resolved"};
  int doubles = 0;
  for (int step = 1; step <= kSteps + 1; ++step) {
    CAPTURE(step);
    HttpReceiver receiver("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const Folder folder;
    const int status = run(folder.path, receiver.url(), step);
    // One step more than there are: then nothing was killed, so that the count above is all.
    if (step > kSteps) {
      CHECK(status == 0);
    } else {
      REQUIRE(WIFSIGNALED(status));
      REQUIRE(WTERMSIG(status) == SIGKILL);
    }
    REQUIRE(run(folder.path, receiver.url(), 0) == 0);
    std::vector<Post> posts;
    while (auto request = receiver.next_request()) posts.push_back(post_of(*request));
    std::vector<std::string> keys;
    std::map<std::string, std::string> bodies;
    for (const auto& post : posts) {
      if (post.key.empty()) continue;  // killed in the middle of its request
      if (keys.empty() || keys.back() != post.key) keys.push_back(post.key);
      const auto [known, is_new] = bodies.emplace(post.key, post.body);
      if (!is_new) ++doubles;
      CHECK(known->second == post.body);
    }
    CHECK(keys == expected);
  }
  CHECK(doubles >= 3);  // those killed between the receiver's answer and its commit
}

}  // namespace faultline::notify
