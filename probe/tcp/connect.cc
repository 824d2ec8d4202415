#include "probe/tcp/connect.h"

#include <cerrno>

namespace faultline::tcp {

using ping::Outcome;

Verdict judge(const Attempt& attempt) {
  if (attempt.error_number == 0) return {Outcome::kAnswered, "open"};
  if (attempt.icmp) {
    // A firewall's REJECT answers "port unreachable" in the target's name; TCP itself would answer
    // with RST, so an ICMP error is a filter's, wherever it says it comes from.
    const bool refusal = attempt.icmp->outcome == Outcome::kRefused;
    return {refusal ? Outcome::kFiltered : attempt.icmp->outcome, attempt.icmp->words};
  }
  switch (attempt.error_number) {
    case ECONNREFUSED:
      return {Outcome::kRefused, "nobody listens on the port"};
    case ECONNRESET:
      return {Outcome::kRefused, "reset"};
    case ETIMEDOUT:
      return {Outcome::kLost, "no answer"};
    case EHOSTUNREACH:
    case EHOSTDOWN:
      return {Outcome::kUnreachable, "no route to the host, or no ARP answer"};
    case ENETUNREACH:
      return {Outcome::kUnreachable, "no route to its network"};
    default:
      return {Outcome::kNotSent, "this machine refused to connect"};
  }
}

}  // namespace faultline::tcp
