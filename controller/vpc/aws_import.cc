#include "controller/vpc/aws_import.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "controller/vpc/aws_fields.h"

namespace faultline::vpc {
namespace {

using aws::Item;
using aws::Json;
using aws::Kind;
using aws::Reading;

const std::vector<Kind>& kinds() {
  static const auto kKinds = [] {
    std::vector<Kind> result;
    for (const auto& part : {aws::network_kinds(), aws::interface_kinds(), aws::filter_kinds(),
                             aws::route_kinds(), aws::gateway_kinds(), aws::transit_kinds()}) {
      result.insert(result.end(), part.begin(), part.end());
    }
    return result;
  }();
  return kKinds;
}

// "routes-tgw-rtb-0a82.json" holds the id "tgw-rtb-0a82" for the prefix "tgw-rtb-".
std::string id_in(std::string_view name, std::string_view prefix) {
  const auto slash = name.find_last_of('/');
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  for (auto at = name.find(prefix); at != std::string_view::npos; at = name.find(prefix, at + 1)) {
    if (at > 0 && std::isalnum(static_cast<unsigned char>(name[at - 1])) != 0) continue;
    auto end = at + prefix.size();
    while (end < name.size() && std::isalnum(static_cast<unsigned char>(name[end])) != 0) ++end;
    if (end > at + prefix.size()) return std::string{name.substr(at, end - at)};
  }
  return {};
}

std::string owner_of(const Item& document, const Kind& kind, const std::string& file) {
  if (kind.owner_key == nullptr) return {};
  auto told = document.text(kind.owner_key);
  return told.empty() ? id_in(file, kind.owner_prefix) : told;
}

// "RouteTables" is what `describe-route-tables` answers.
std::string described(std::string_view key) {
  std::string command = "aws ec2 describe";
  for (const char c : key) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) command += '-';
    command += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return command;
}

}  // namespace

std::string aws_command(std::string_view beginning) {
  const auto open = beginning.find('"');
  const auto close = open == std::string_view::npos ? open : beginning.find('"', open + 1);
  if (close == std::string_view::npos) return {};
  const auto key = beginning.substr(open + 1, close - open - 1);
  const auto kind =
      std::ranges::find_if(kinds(), [&](const Kind& each) { return key == each.key; });
  if (kind == kinds().end()) return {};
  if (key == "Reservations") return "aws ec2 describe-instances";
  if (kind->owner_key == nullptr) return described(key);
  if (key == "Entries") return "aws ec2 get-managed-prefix-list-entries --prefix-list-id ID";
  const auto* what = key == "Routes"         ? "search-transit-gateway-routes"
                     : key == "Associations" ? "get-transit-gateway-route-table-associations"
                                             : "get-transit-gateway-route-table-propagations";
  return fmt::format("aws ec2 {} --transit-gateway-route-table-id ID", what);
}

bool is_aws(const Json& document) {
  return document.is_object() && std::ranges::any_of(kinds(), [&](const Kind& kind) {
           return document.contains(kind.key);
         });
}

Result<std::string> read_aws(const Json& document, const std::string& file, Draft& draft) {
  Reading reading{file, draft};
  const Item root(document, "", reading);
  std::string what;
  for (const auto& kind : kinds()) {
    if (!document.contains(kind.key)) continue;
    reading.owner = owner_of(root, kind, file);
    const auto items = root.items(kind.key);
    draft.items += items.size();
    if (draft.items > kItemsMax) {
      return fail(ErrorCode::kLimit, fmt::format("{}: more than {} elements", file, kItemsMax));
    }
    for (const auto& item : items) kind.read(item);
    draft.import.report.read[kind.what] += items.size();
    what += (what.empty() ? "" : ", ") + std::string{kind.what};
    if (reading.mistake) return tl::unexpected(*reading.mistake);
  }
  if (root.text("NextToken").empty() && !root.flag("AdditionalRoutesAvailable", false)) return what;
  draft.note(fmt::format("{}: the answer goes on in another page that is not in this file", file));
  return what;
}

}  // namespace faultline::vpc
