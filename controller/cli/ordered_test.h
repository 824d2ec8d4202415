// OrderedTest: one test that this command has ordered from a node, from the order to the report.
//
// Why it exists: whoever orders a test and does not wait for its end must end it, or the node has
// no room for the next one: an object that goes away before its test is over ends it. Where it
// cannot (kill -9, a lost connection) the controller does after ten seconds, for it is watched.
//
// Thread safety: none. Lifetimes: it borrows the client.
#pragma once

#include <string>

#include "controller/cli/client.h"
#include "controller/cli/document.h"
#include "controller/cli/failure.h"

namespace faultline::cli {

class OrderedTest {
 public:
  // `order` is what POST /api/v1/nodes/{name}/tests takes.
  [[nodiscard]] static Outcome<OrderedTest> begin(const ApiClient& api, std::string node,
                                                  const Json& order);
  OrderedTest(OrderedTest&& other) noexcept;
  OrderedTest& operator=(OrderedTest&&) = delete;
  ~OrderedTest();

  // Asks how it is; true: it is over.
  [[nodiscard]] Outcome<bool> look();
  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] const std::string& node() const { return node_; }
  // How far it is, or why it has no report.
  [[nodiscard]] const std::string& text() const { return text_; }
  // Of a test that is over; null where it has none.
  [[nodiscard]] const Json& report() const { return report_; }

 private:
  OrderedTest(const ApiClient& api, std::string node) : api_(&api), node_(std::move(node)) {}
  [[nodiscard]] Outcome<bool> take(const std::string& answer);

  const ApiClient* api_;
  std::string node_;
  std::string id_;  // empty: moved away
  std::string text_;
  Json report_;
  bool over_ = false;
};

}  // namespace faultline::cli
