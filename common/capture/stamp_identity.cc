#include "common/capture/stamp_identity.h"

namespace faultline::capture {
namespace {

constexpr std::size_t kAuthenticatedSize = 112;  // smaller ones are open, whatever they hold

// Offsets in octets: RFC 8762 sections 4.2 and 4.3, with the SSID of RFC 8972 section 3.
struct Layout {
  std::size_t sent_at;
  std::size_t ssid;
  std::size_t request_sequence;
  std::size_t request_sent_at;
};
constexpr Layout kOpen{.sent_at = 4, .ssid = 14, .request_sequence = 24, .request_sent_at = 28};
constexpr Layout kAuthenticated{
    .sent_at = 16, .ssid = 26, .request_sequence = 48, .request_sent_at = 64};

bool is_authenticated(Octets payload) {
  return payload.size() >= kAuthenticatedSize && number64(payload, 4) == 0 &&
         number32(payload, 12) == 0;
}

}  // namespace

std::optional<StampIdentity> stamp_identity(Octets payload, bool reply) {
  if (payload.size() < kOpen.ssid + 2) return std::nullopt;
  const auto& layout = is_authenticated(payload) ? kAuthenticated : kOpen;
  StampIdentity identity{.sequence = number32(payload, 0),
                         .sent_at = number64(payload, layout.sent_at),
                         .ssid = number16(payload, layout.ssid)};
  identity.request_sequence = identity.sequence;
  identity.request_sent_at = identity.sent_at;
  if (!reply) return identity;
  if (payload.size() < layout.request_sent_at + 8) return std::nullopt;
  identity.request_sequence = number32(payload, layout.request_sequence);
  identity.request_sent_at = number64(payload, layout.request_sent_at);
  return identity;
}

}  // namespace faultline::capture
