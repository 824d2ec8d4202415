#include "controller/explain/lookup.h"
#include "controller/explain/nearest.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/unit/controller/explain/shipped.h"

namespace faultline::explain {
namespace {

using Found = std::vector<std::string>;

Found names(const std::vector<const Code*>& codes) {
  Found result;
  for (const auto* code : codes) result.push_back(code->family + " " + code->name);
  return result;
}

Found found(const std::string& query) { return names(look_up(shipped_catalogue(), query).codes); }

bool holds(const Found& all, const std::string& name) {
  return std::ranges::find(all, name) != all.end();
}

}  // namespace

TEST_CASE("a name is found in any case, and only itself", "[explain]") {
  for (const auto* query :
       {"ECONNREFUSED", "econnrefused", "Errno ECONNREFUSED", " ECONNREFUSED."}) {
    CAPTURE(query);
    CHECK(found(query) == Found{"errno ECONNREFUSED"});
  }
  CHECK(found("EWOULDBLOCK") == Found{"errno EAGAIN"});
  CHECK(found("WSAECONNREFUSED") == Found{"winsock WSAECONNREFUSED"});
  CHECK(found("0x8007274D") == Found{"winsock WSAECONNREFUSED"});
  CHECK(found("eni_sg_rules_mismatch") == Found{"aws ENI_SG_RULES_MISMATCH"});
  CHECK(found("No route to host") == Found{"errno EHOSTUNREACH"});
}

TEST_CASE("a number names every family that has it, a family before it only its own", "[explain]") {
  const auto eleven = look_up(shipped_catalogue(), "11");
  CHECK(eleven.match == Match::kExact);
  CHECK(holds(names(eleven.codes), "errno EAGAIN"));
  CHECK(holds(names(eleven.codes), "icmp TTL exceeded in transit"));
  CHECK(found("errno 11") == Found{"errno EAGAIN"});
  CHECK(found("linux 11") == Found{"errno EAGAIN"});
  CHECK(found("[Errno 111]") == Found{"errno ECONNREFUSED"});
  CHECK(found("10061") == Found{"winsock WSAECONNREFUSED"});
  CHECK(found("errno 99999").empty());
}

TEST_CASE("a negative number is a resolver's or an errno as kernels log it", "[explain]") {
  CHECK(found("-110") == Found{"errno ETIMEDOUT"});
  CHECK(found("-2") == Found{"errno ENOENT", "eai EAI_NONAME"});
  CHECK(found("eai -3") == Found{"eai EAI_AGAIN"});
}

TEST_CASE("ICMP is asked for by type and code in several ways", "[explain]") {
  for (const auto* query : {"icmp 3/4", "icmp 3 4", "ICMP type 3 code 4", "icmp: type=3, code=4"}) {
    CAPTURE(query);
    CHECK(found(query) == Found{"icmp Fragmentation needed"});
  }
  CHECK(found("icmpv6 2") == Found{"icmpv6 Packet too big"});
  CHECK(found("icmp 3").size() == 16);
  CHECK(found("icmp 1").empty());  // not 11/0, and not 13/0
}

TEST_CASE("words are searched, first in names and summaries", "[explain]") {
  const auto refused = look_up(shipped_catalogue(), "refused");
  CHECK(refused.match == Match::kWords);
  CHECK(holds(names(refused.codes), "errno ECONNREFUSED"));
  CHECK(holds(names(refused.codes), "winsock WSAECONNREFUSED"));
  CHECK_FALSE(holds(names(refused.codes), "errno ETIMEDOUT"));
  CHECK(found("dns refused") == Found{"dns DNS REFUSED"});
  CHECK(found("nxdomain") == Found{"dns DNS NXDOMAIN"});
  CHECK(found("neighbour FAILED") == Found{"neighbour NUD_FAILED"});
  CHECK(holds(found("hairpin"), "hypervisor macvtap"));  // only in its explanation
}

TEST_CASE("a line of a log is searched for a name or summary", "[explain]") {
  CHECK(holds(found("ssh: connect to host h9 port 22: No route to host"), "errno EHOSTUNREACH"));
  CHECK(found("Error: connect ECONNREFUSED 127.0.0.1:8080") == Found{"errno ECONNREFUSED"});
  CHECK(found("curl: (28) Failed after 3 s") == Found{"curl CURLE_OPERATION_TIMEDOUT"});
  CHECK(found("[Errno 111] Connection refused") == Found{"errno ECONNREFUSED"});
  CHECK(found("ping: web1: Temporary failure in name resolution") == Found{"eai EAI_AGAIN"});
}

TEST_CASE("a family alone is all of it, nothing typed is nothing", "[explain]") {
  const auto family = look_up(shipped_catalogue(), "Winsock");
  CHECK(family.match == Match::kFamily);
  CHECK(family.codes.size() > 25);
  CHECK(look_up(shipped_catalogue(), " \t").match == Match::kNone);
  CHECK(look_up(shipped_catalogue(), "").nearest.empty());
}

TEST_CASE("what is not there is answered with what is near", "[explain]") {
  const auto answer = look_up(shipped_catalogue(), "ECONREFUSED");
  CHECK(answer.match == Match::kNone);
  REQUIRE_FALSE(answer.nearest.empty());
  CHECK(answer.nearest.front()->name == "ECONNREFUSED");
  CHECK(answer.nearest.size() <= kNearestMax);
  CHECK_FALSE(look_up(shipped_catalogue(), "10062").nearest.empty());
  CHECK(look_up(shipped_catalogue(), "CONNTRACK").match ==
        Match::kNone);  // though prose has the word
  CHECK(look_up(shipped_catalogue(), "conntrack").match == Match::kWords);
  for (const auto* word : {"nonsense", "frobnicate", "E_NO_SUCH_CODE"}) {
    CAPTURE(word);
    CHECK(look_up(shipped_catalogue(), word).match == Match::kNone);
    CHECK(look_up(shipped_catalogue(), word).nearest.size() == kNearestMax);
  }
  CHECK(look_up(shipped_catalogue(), "200").nearest.empty());
  CHECK(look_up(shipped_catalogue(), "qqqqqqqqqqqqqqqqqqqq").nearest.empty());
  CHECK(look_up(shipped_catalogue(), std::string(100'000, 'x')).codes.empty());
}

TEST_CASE("every code is found by its family with its number and with its name", "[explain]") {
  for (const auto& code : shipped_catalogue().codes) {
    CAPTURE(code.family, code.number, code.name);
    CHECK(holds(found(code.family + " " + code.name), code.family + " " + code.name));
    if (!code.number.empty()) {
      CHECK(found(code.family + " " + code.number) == Found{code.family + " " + code.name});
    }
  }
}

TEST_CASE("the explanations that an explanation points to exist", "[explain]") {
  constexpr std::string_view kPointer = "'faultline explain ";
  const auto check = [&](const std::string& text) {
    for (auto at = text.find(kPointer); at != std::string::npos; at = text.find(kPointer, at + 1)) {
      const auto begin = at + kPointer.size();
      const auto query = text.substr(begin, text.find('\'', begin) - begin);
      CAPTURE(query);
      if (!query.ends_with("NUMBER")) CHECK(found(query).size() == 1);
    }
  };
  for (const auto& code : shipped_catalogue().codes) {
    check(code.meaning);
    for (const auto& line : code.causes) check(line);
    for (const auto& line : code.checks) check(line);
  }
}

}  // namespace faultline::explain
