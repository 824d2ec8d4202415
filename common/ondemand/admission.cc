#include "common/ondemand/admission.h"

#include <nlohmann/json.hpp>

#include "common/ondemand/order_json.h"

namespace faultline::ondemand {
namespace {

constexpr std::string_view kAdmit = "admit";

}  // namespace

std::string to_json_text(const Admission& admission) {
  return nlohmann::json{{"kind", kAdmit},
                        {"source", admission.reflector.address.to_string()},
                        {"port", admission.reflector.port}}
      .dump();
}

std::optional<Admission> admission_from_json(std::string_view text) {
  if (text.size() > kOrderBytesMax) return std::nullopt;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.size() != 3) return std::nullopt;
  const auto kind = json.find("kind");
  const auto source = json.find("source");
  const auto port = json.find("port");
  if (kind == json.end() || source == json.end() || port == json.end()) return std::nullopt;
  if (*kind != kAdmit || !source->is_string() || !port->is_number_unsigned()) return std::nullopt;
  const auto address = IpAddress::parse(source->get<std::string>());
  const auto number = port->get<std::uint64_t>();
  if (!address || address->is_unspecified() || number < 1 || number > 65535) return std::nullopt;
  return Admission{.reflector = {*address, static_cast<std::uint16_t>(number)}};
}

}  // namespace faultline::ondemand
