#include <nlohmann/json.hpp>

#include "controller/notify/outbox.h"

namespace faultline::notify {
namespace {

using Json = nlohmann::ordered_json;

OutboxEntry entry_of(const Json& json) {
  OutboxEntry entry;
  entry.id = json.at("id").get<OutboxId>();
  entry.receiver = json.at("receiver").get<std::string>();
  entry.idempotency_key = json.at("idempotency_key").get<std::string>();
  entry.incident = json.value("incident", std::string());
  entry.body = json.at("body").get<std::string>();
  entry.supersedable = json.at("supersedable").get<bool>();
  entry.created_at = wall_time_from_unix_nanoseconds(json.at("created_at_ns").get<std::int64_t>());
  entry.attempts = json.at("attempts").get<std::uint32_t>();
  entry.last_error = json.at("last_error").get<std::string>();
  entry.dead = json.at("dead").get<bool>();
  return entry;
}

}  // namespace

std::string to_record(const OutboxEntry& entry) {
  const Json json{{"id", entry.id},
                  {"receiver", entry.receiver},
                  {"idempotency_key", entry.idempotency_key},
                  {"incident", entry.incident},
                  {"body", entry.body},
                  {"supersedable", entry.supersedable},
                  {"created_at_ns", unix_nanoseconds(entry.created_at)},
                  {"attempts", entry.attempts},
                  {"last_error", entry.last_error},
                  {"dead", entry.dead}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<OutboxEntry> from_record(std::string_view record) {
  try {
    auto entry = entry_of(Json::parse(record));
    if (entry.id == 0) return fail(ErrorCode::kCorrupt, "an outbox record has no id");
    return entry;
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::kCorrupt,
                std::string{"an outbox record is unreadable: "} + error.what());
  }
}

}  // namespace faultline::notify
