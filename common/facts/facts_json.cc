#include "common/facts/facts_json.h"

#include <concepts>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "common/facts/fields.h"

namespace faultline::facts {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kTextMax = 1024;       // bytes of any one text
constexpr std::size_t kSmallListMax = 1024;  // items of a list without a bound of its own
constexpr int kDepthMax = 16;

// What a document lacks or holds wrongly; becomes an Error in from_json.
struct BadFacts {
  std::string problem;
};

template <typename T>
struct ListOf : std::false_type {};
template <typename T>
struct ListOf<std::vector<T>> : std::true_type {};
template <typename T>
struct MaybeOf : std::false_type {};
template <typename T>
struct MaybeOf<std::optional<T>> : std::true_type {};
template <typename T>
struct MapOf : std::false_type {};
template <typename T>
struct MapOf<std::map<std::string, T>> : std::true_type {};

template <typename Item>
constexpr std::size_t items_max() {
  if constexpr (std::same_as<Item, Interface>) return kInterfacesMax;
  if constexpr (std::same_as<Item, Address>) return kAddressesMax;
  if constexpr (std::same_as<Item, Route>) return kRoutesMax;
  if constexpr (std::same_as<Item, Rule>) return kRulesMax;
  if constexpr (std::same_as<Item, Neighbor>) return kNeighborsMax;
  if constexpr (std::same_as<Item, BridgeEntry>) return kBridgeEntriesMax;
  if constexpr (std::same_as<Item, Listener>) return kListenersMax;
  if constexpr (std::same_as<Item, FirewallRule>) return kFirewallRulesMax;
  if constexpr (std::same_as<Item, LldpNeighbor>) return kLldpMax;
  if constexpr (std::same_as<Item, Heard>) return kHeardMax;
  return kSmallListMax;
}

// ---- writing

struct Writer {
  Json& object;

  template <typename T>
  void required(const char* name, const T& value) {
    object[name] = write(value);
  }
  template <typename T>
  void optional(const char* name, const T& value) {
    if constexpr (MaybeOf<T>::value) {
      if (value) object[name] = write(*value);
    } else {
      if (value != T{}) object[name] = write(value);
    }
  }

  template <typename T>
  static Json write(const T& value) {
    if constexpr (std::same_as<T, IpAddress>) {
      return value.to_string();
    } else if constexpr (std::same_as<T, Prefix>) {
      return fmt::format("{}/{}", value.address.to_string(), value.length);
    } else if constexpr (std::same_as<T, WallTime>) {
      return format_rfc3339(value);
    } else if constexpr (ListOf<T>::value) {
      auto list = Json::array();
      for (const auto& item : value) list.push_back(write(item));
      return list;
    } else if constexpr (std::is_arithmetic_v<T> || std::same_as<T, std::string> ||
                         MapOf<T>::value) {
      return value;
    } else {
      auto result = Json::object();
      Writer writer{result};
      // describe() is shared with the reader, which changes the value; the writer does not.
      describe(writer, const_cast<T&>(value));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
      return result;
    }
  }
};

// ---- reading

struct Reader {
  const Json& object;
  std::string_view where;

  template <typename T>
  void required(const char* name, T& value) {
    const auto found = object.find(name);
    if (found == object.end()) throw BadFacts{fmt::format("{} lacks \"{}\"", where, name)};
    read(*found, name, value);
  }
  // A flag or list that is absent keeps its default.
  template <typename T>
  void optional(const char* name, T& value) {
    const auto found = object.find(name);
    if (found == object.end()) return;
    if constexpr (MaybeOf<T>::value) {
      read(*found, name, value.emplace());
    } else {
      read(*found, name, value);
    }
  }

  [[noreturn]] static void refuse(std::string_view name, std::string_view wanted) {
    throw BadFacts{fmt::format("\"{}\" is not {}", name, wanted)};
  }

  static const std::string& text(const Json& json, std::string_view name) {
    if (!json.is_string()) refuse(name, "a text");
    const auto& result = json.get_ref<const std::string&>();
    if (result.size() > kTextMax) refuse(name, fmt::format("a text of at most {} bytes", kTextMax));
    return result;
  }

  static void read(const Json& json, std::string_view name, std::string& value) {
    value = text(json, name);
  }
  static void read(const Json& json, std::string_view name, bool& value) {
    if (!json.is_boolean()) refuse(name, "true or false");
    value = json.get<bool>();
  }
  template <std::unsigned_integral T>
  static void read(const Json& json, std::string_view name, T& value) {
    constexpr auto kMax = std::numeric_limits<T>::max();
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > kMax) {
      refuse(name, fmt::format("a number from 0 to {}", kMax));
    }
    value = json.get<T>();
  }
  static void read(const Json& json, std::string_view name, std::int64_t& value) {
    if (!json.is_number_integer()) refuse(name, "a whole number");
    value = json.get<std::int64_t>();
  }
  static void read(const Json& json, std::string_view name, IpAddress& value) {
    const auto parsed = IpAddress::parse(text(json, name));
    if (!parsed) refuse(name, "an IP address");
    value = *parsed;
  }
  static void read(const Json& json, std::string_view name, Prefix& value) {
    const auto& whole = text(json, name);
    const auto slash = whole.find('/');
    const auto address = IpAddress::parse(std::string_view(whole).substr(0, slash));
    const auto digits =
        slash == std::string::npos ? std::string_view{} : std::string_view(whole).substr(slash + 1);
    unsigned length = 0;
    for (const char digit : digits) {
      if (digit < '0' || digit > '9' || digits.size() > 3)
        refuse(name, "a prefix such as 10.0.0.1/24");
      length = length * 10 + static_cast<unsigned>(digit - '0');
    }
    if (!address || digits.empty() || length > (address->is_v4() ? 32U : 128U)) {
      refuse(name, "a prefix such as 10.0.0.1/24");
    }
    value = {*address, static_cast<std::uint8_t>(length)};
  }
  static void read(const Json& json, std::string_view name, WallTime& value) {
    const auto time = parse_rfc3339(text(json, name));
    if (!time) refuse(name, "an RFC 3339 time");
    value = *time;
  }
  template <typename Item>
  static void read(const Json& json, std::string_view name, std::vector<Item>& value) {
    if (!json.is_array()) refuse(name, "a list");
    if (json.size() > items_max<Item>())
      refuse(name, fmt::format("a list of at most {}", items_max<Item>()));
    value.clear();
    value.reserve(json.size());
    for (const auto& item : json) read(item, name, value.emplace_back());
  }
  template <typename Value>
  static void read(const Json& json, std::string_view name, std::map<std::string, Value>& value) {
    if (!json.is_object() || json.size() > kSmallListMax)
      refuse(name, "an object of a reasonable size");
    for (const auto& [key, item] : json.items()) {
      if (key.size() > kTextMax) refuse(name, "an object with short keys");
      read(item, key, value[key]);
    }
  }
  template <typename T>
  static void read(const Json& json, std::string_view name, T& value) {
    if (!json.is_object()) refuse(name, "an object");
    Reader reader{json, name};
    describe(reader, value);
  }
  template <typename Item>
  static void read(const Json& json, std::string_view name, Listing<Item>& value) {
    if (!json.is_object()) refuse(name, "an object with total and items");
    Reader reader{json, name};
    describe(reader, value);
    if (value.total < value.items.size()) refuse(name, "a list with its total");
  }
};

}  // namespace

Json to_json(const Facts& facts) {
  auto document = Writer::write(facts);
  document["schema"] = kSchema;
  return document;
}

std::string to_text(const Facts& facts) {
  return to_json(facts).dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Facts> from_json(const Json& document) {
  try {
    if (!document.is_object() || document.value("schema", Json()) != kSchema) {
      throw BadFacts{fmt::format("it does not say \"schema\": \"{}\"", kSchema)};
    }
    Facts facts;
    Reader::read(document, "facts", facts);
    return facts;
  } catch (const BadFacts& bad) {
    return fail(ErrorCode::kInvalid, fmt::format("this is no snapshot of facts: {}", bad.problem));
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalid, fmt::format("this is no snapshot of facts: {}", error.what()));
  }
}

Result<Facts> from_text(std::string_view text) {
  if (text.size() > kDocumentMax) {
    return fail(ErrorCode::kLimit,
                fmt::format("a snapshot of facts has at most {} MiB", kDocumentMax >> 20));
  }
  bool too_deep = false;
  const auto shallow = [&](int depth, Json::parse_event_t /*event*/, Json& /*value*/) {
    too_deep = too_deep || depth > kDepthMax;
    return !too_deep;
  };
  const auto document = Json::parse(text, shallow, false);
  if (too_deep || document.is_discarded()) {
    return fail(ErrorCode::kInvalid,
                "this is no snapshot of facts: it is not JSON, or nested too deeply");
  }
  return from_json(document);
}

}  // namespace faultline::facts
