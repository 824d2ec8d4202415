// What operators change is what they see next.
#include <signal.h>

#include "tests/integration/controller/app/fake_node.h"

namespace faultline::tests {
namespace {

TEST_CASE("a change shows in the very next answer", "[controller][api]") {
  Stage stage;
  stage.start();
  Node node(stage, "a", "127.0.0.2");
  const auto nodes = [&] { return stage.get("/api/v1/nodes").at("nodes").size(); };
  const auto tokens = [&] { return stage.get("/api/v1/tokens").at("tokens").size(); };
  for (std::size_t made = 1; made <= 5; ++made) {
    (void)stage.make_token("n" + std::to_string(made));
    CHECK(tokens() == made);
  }
  stage.wait_for_metric("faultline_nodes{state=\"total\"}", 1);
  stage.remove_node("a");
  CHECK(nodes() == 0);
  CHECK(stage.end(SIGTERM).status == 0);
}

}  // namespace
}  // namespace faultline::tests
