// Archives that are not what they should be. Each must be refused before anything is touched.
#include <archive.h>
#include <archive_entry.h>

#include "common/crypto/digest.h"
#include "tests/integration/controller/backup/data_fixture.h"

namespace faultline::backup {
namespace {

struct Item {
  std::string name;
  std::string content;
  unsigned type = AE_IFREG;
};

void write_tar(const fs::path& file, const std::vector<Item>& items) {
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  archive_write_add_filter_zstd(writer);
  REQUIRE(archive_write_open_filename(writer, file.c_str()) == ARCHIVE_OK);
  for (const auto& item : items) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, item.name.c_str());
    archive_entry_set_filetype(entry, item.type);
    archive_entry_set_perm(entry, 0600);
    if (item.type == AE_IFLNK) {
      archive_entry_set_symlink(entry, item.content.c_str());
    } else {
      archive_entry_set_size(entry, static_cast<la_int64_t>(item.content.size()));
    }
    REQUIRE(archive_write_header(writer, entry) == ARCHIVE_OK);
    if (item.type == AE_IFREG) archive_write_data(writer, item.content.data(), item.content.size());
    archive_entry_free(entry);
  }
  archive_write_free(writer);
}

std::string sha256(const std::string& text) {
  crypto::Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash.finish_hex();
}

Manifest manifest_of(const std::vector<Item>& items) {
  Manifest manifest{.store_format = 1,
                    .software = "faultline-controller 9.9.9",
                    .created_at = kFixtureNow,
                    .files = {}};
  for (const auto& item : items) {
    manifest.files.push_back({item.name, item.content.size(), sha256(item.content)});
  }
  return manifest;
}

// A target with data, which no attempt may change; the error of the attempt.
class Target {
 public:
  Target() {
    make_data(path(), 100, 105);
    before_ = tree_of(folder_.path() / "target");
  }
  [[nodiscard]] fs::path path() const { return folder_.path() / "target"; }

  Error refusal(const fs::path& archive) const {
    const auto verified = verify(archive, no_progress);
    const auto restored = restore_to(path(), archive, /*force=*/true);
    CHECK_FALSE(verified);
    CHECK(tree_of(path()) == before_);
    REQUIRE_FALSE(restored);
    CHECK_THAT(restored.error().context, Catch::Contains(archive.string()));
    return restored.error();
  }

 private:
  TemporaryDirectory folder_;
  std::map<std::string, std::string> before_;
};

TEST_CASE("a truncated backup is refused at any length", "[backup]") {
  const TemporaryDirectory folder;
  const auto archive = folder.path() / "backup.tar.zst";
  make_data(folder.path() / "old", 1, 20);
  back_up(folder.path() / "old", archive);
  const auto whole = content_of(archive);
  const Target target;
  const auto cut = folder.path() / "cut.tar.zst";
  for (std::size_t part = 0; part < 12; ++part) {
    put(cut, whole.substr(0, whole.size() * part / 12));
    CAPTURE(part);
    static_cast<void>(target.refusal(cut));
  }
  put(cut, whole.substr(0, whole.size() - 1));
  static_cast<void>(target.refusal(cut));
}

TEST_CASE("a backup with a flipped bit is refused, or holds the same all the same", "[backup]") {
  const TemporaryDirectory folder;
  const auto archive = folder.path() / "backup.tar.zst";
  make_data(folder.path() / "old", 1, 20);
  const auto manifest = back_up(folder.path() / "old", archive);
  const auto whole = content_of(archive);
  constexpr std::size_t kFlips = 400;
  std::size_t refused = 0;
  for (std::size_t flip = 0; flip < kFlips; ++flip) {
    auto damaged = whole;
    const auto at = damaged.size() * flip / kFlips;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (flip % 8)));
    put(archive, damaged);
    const auto read = verify(archive, no_progress);
    CAPTURE(at);
    if (read) CHECK(*read == manifest);
    if (!read) ++refused;
  }
  CHECK(refused > kFlips * 9 / 10);
}

TEST_CASE("files that are no backup are refused", "[backup]") {
  const TemporaryDirectory folder;
  const Target target;
  const auto file = folder.path() / "file";
  put(file, "");
  static_cast<void>(target.refusal(file));
  put(file, "a text, not an archive\n");
  static_cast<void>(target.refusal(file));
  write_tar(file, {{"etc/passwd", "root::0:0::/:/bin/sh"}});
  CHECK_THAT(target.refusal(file).context, Catch::Contains("not a backup"));
  static_cast<void>(target.refusal(folder.path() / "missing"));
}

TEST_CASE("a backup of a newer version is refused by name", "[backup]") {
  const TemporaryDirectory folder;
  const Target target;
  const auto file = folder.path() / "file";
  auto manifest = manifest_of({});
  manifest.store_format = 99;
  write_tar(file, {{"manifest.json", to_json(manifest)}});
  const auto error = target.refusal(file);
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK_THAT(error.context, Catch::Contains("faultline-controller 9.9.9, which is newer"));
}

TEST_CASE("no entry of an archive gets out of the data directory", "[backup]") {
  const TemporaryDirectory folder;
  const Target target;
  const auto file = folder.path() / "file";
  const auto end = [](const Manifest& manifest) {
    return Item{"manifest.sha256", sha256(to_json(manifest))};
  };
  const Item good{"controller.key", "key"};
  // Named in the manifest, and not.
  for (const auto* name : {"../evil", "/tmp/evil", "store/../../evil", "restore/switch.json"}) {
    CAPTURE(name);
    const Item evil{name, "evil"};
    auto manifest = manifest_of({evil});
    write_tar(file, {{"manifest.json", to_json(manifest)}, evil, end(manifest)});
    static_cast<void>(target.refusal(file));
    manifest = manifest_of({good});
    write_tar(file, {{"manifest.json", to_json(manifest)}, good, evil, end(manifest)});
    static_cast<void>(target.refusal(file));
    write_tar(file, {{"manifest.json", to_json(manifest)}, good, end(manifest), evil});
    static_cast<void>(target.refusal(file));
  }
  // A link where a file should be.
  const auto manifest = manifest_of({good});
  write_tar(file, {{"manifest.json", to_json(manifest)},
                   {"controller.key", "/etc/shadow", AE_IFLNK},
                   end(manifest)});
  CHECK_THAT(target.refusal(file).context, Catch::Contains("not a plain file"));
  // The right name with another content.
  write_tar(file, {{"manifest.json", to_json(manifest)}, {"controller.key", "kex"}, end(manifest)});
  CHECK_THAT(target.refusal(file).context, Catch::Contains("checksum does not match"));
  // A manifest that somebody changed.
  auto other = manifest;
  other.software = "somebody else";
  write_tar(file, {{"manifest.json", to_json(other)}, good, end(manifest)});
  CHECK_THAT(target.refusal(file).context, Catch::Contains("manifest is damaged"));
}

}  // namespace
}  // namespace faultline::backup
