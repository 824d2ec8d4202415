// The layout of values. The first byte is the version of the value's layout; an unknown one, a
// short or an overlong value is refused (empty result), never guessed at.
//
//   windows  | 1 | first_sequence 8 | results_dropped 8 | payload n |
//   dedup    | 1 | heard_at 8 | count 1 | count x (first 8, last 8) |
//   paths    | 1 | complete 1 | count 1 | count x (0 | 4, address 4 | 6, address 16) |
//   ledger   the version in decimal, a space, the document: readable in any dump
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/store/journal.h"
#include "controller/store/keys.h"
#include "controller/store/ledger.h"
#include "controller/store/views.h"

namespace faultline::store {

// What precedes the payload, which is large and need not be copied.
[[nodiscard]] std::string encode_head(const JournalEntry& entry);
[[nodiscard]] std::string encode_value(const JournalEntry& entry);
[[nodiscard]] std::optional<JournalEntry> decode_entry(const WindowKey& key,
                                                       std::string_view value);

[[nodiscard]] std::string encode_value(const ingest::DedupRow& row);
[[nodiscard]] std::optional<ingest::DedupRow> decode_dedup_row(const DedupKey& key,
                                                               std::string_view value);

[[nodiscard]] std::string encode_value(const PathRecord& path);
[[nodiscard]] std::optional<StoredPath> decode_path(const PathKey& key, std::string_view value);

[[nodiscard]] std::string encode_document(std::uint64_t version, std::string_view document);
[[nodiscard]] std::optional<LedgerDocument> decode_document(std::string_view key,
                                                            std::string_view value);

}  // namespace faultline::store
