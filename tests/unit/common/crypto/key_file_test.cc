#include "common/crypto/key_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "common/crypto/random.h"
#include "tests/support/catch.h"

namespace faultline::crypto {
namespace {

namespace fs = std::filesystem;

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("faultline-" + std::to_string(random_u64()))) {
    fs::create_directory(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  [[nodiscard]] fs::path key() const { return path_ / "node.key"; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{path_}, fs::directory_iterator{}));
  }

 private:
  fs::path path_;
};

void write(const fs::path& path, const std::string& text) {
  std::ofstream{path} << text;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

std::string hex_of(const SecretKey& secret) {
  PublicKey same_bytes;
  std::copy(secret.bytes().begin(), secret.bytes().end(), same_bytes.bytes.begin());
  return to_string(same_bytes);
}

}  // namespace

TEST_CASE("a saved pair is loaded as it was", "[crypto]") {
  const Folder folder;
  const KeyPair pair = generate_key_pair();
  REQUIRE(save_key_pair(folder.key(), pair));
  CHECK(load_key_pair(folder.key()) == pair);
}

TEST_CASE("a key file is readable by its owner only, whatever the umask", "[crypto]") {
  const Folder folder;
  const mode_t before = ::umask(0);
  const Status saved = save_key_pair(folder.key(), generate_key_pair());
  ::umask(before);
  REQUIRE(saved);
  CHECK(fs::status(folder.key()).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("saving replaces the old pair and leaves nothing else behind", "[crypto]") {
  const Folder folder;
  const KeyPair second = generate_key_pair();
  REQUIRE(save_key_pair(folder.key(), generate_key_pair()));
  REQUIRE(save_key_pair(folder.key(), second));
  CHECK(load_key_pair(folder.key()) == second);
  CHECK(folder.files() == 1);
}

TEST_CASE("a key file that others could read is refused with the remedy", "[crypto]") {
  const Folder folder;
  REQUIRE(save_key_pair(folder.key(), generate_key_pair()));
  const auto extra = GENERATE(fs::perms::group_read, fs::perms::others_read);
  fs::permissions(folder.key(), extra, fs::perm_options::add);
  const auto loaded = load_or_create_key_pair(folder.key());
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == ErrorCode::kDenied);
  CHECK_THAT(loaded.error().context, Catch::Contains("chmod 600 " + folder.key().string()));
}

TEST_CASE("a missing key file is made once and then loaded", "[crypto]") {
  const Folder folder;
  CHECK(load_key_pair(folder.key()).error().code == ErrorCode::kNotFound);
  const auto first = load_or_create_key_pair(folder.key());
  REQUIRE(first);
  CHECK(load_or_create_key_pair(folder.key()) == first);
  CHECK(folder.files() == 1);
}

TEST_CASE("a key file whose content is no key pair is refused, not replaced", "[crypto]") {
  const Folder folder;
  const KeyPair pair = generate_key_pair();
  const KeyPair other = generate_key_pair();
  const auto content = GENERATE_COPY(
      std::string{}, std::string{"public 12\nsecret 34\n"}, std::string(8192, 'a'),
      "public " + to_string(pair.public_key) + "\n",
      "public " + to_string(other.public_key) + "\nsecret " + hex_of(pair.secret_key) + "\n");
  write(folder.key(), content);
  const auto loaded = load_or_create_key_pair(folder.key());
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == ErrorCode::kCorrupt);
  CHECK(loaded.error().context.find(hex_of(pair.secret_key)) == std::string::npos);
  CHECK(fs::file_size(folder.key()) == content.size());
}

TEST_CASE("a folder that is not there is told as such", "[crypto]") {
  const Folder folder;
  const auto created = load_or_create_key_pair(folder.key() / "below" / "node.key");
  REQUIRE_FALSE(created);
  CHECK_THAT(created.error().context, Catch::Contains("No such file or directory"));
}

TEST_CASE("a directory in the key file's place is refused", "[crypto]") {
  const Folder folder;
  fs::create_directory(folder.key());
  const auto loaded = load_key_pair(folder.key());
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == ErrorCode::kInvalid);
}

}  // namespace faultline::crypto
