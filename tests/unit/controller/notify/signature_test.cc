#include "controller/notify/signature.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/catch.h"

namespace faultline::notify {
namespace {

// A file in the temporary directory that goes away with its scope.
struct SecretFile {
  std::string path;

  SecretFile(const std::string& content, mode_t mode) {
    std::string pattern = "/tmp/faultline-secret-XXXXXX";
    const int descriptor = ::mkstemp(pattern.data());
    REQUIRE(descriptor >= 0);
    ::close(descriptor);
    path = pattern;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
  }
  ~SecretFile() { ::unlink(path.c_str()); }
};

}  // namespace

TEST_CASE("HMAC-SHA256 gives the known answers of RFC 4231", "[notify]") {
  CHECK(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There") ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hmac_sha256_hex("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("the signature covers timestamp and body", "[notify]") {
  const auto expected = "sha256=" + hmac_sha256_hex("secret", R"(1790000000.{"a":1})");
  CHECK(signature("secret", 1'790'000'000, R"({"a":1})") == expected);
  CHECK(signature("secret", 1'790'000'001, R"({"a":1})") != expected);
}

TEST_CASE("a secret is the first line of a file that only its owner reads", "[notify]") {
  const SecretFile file("0123456789abcdef-secret\nsecond line\n", 0600);
  CHECK(read_secret_file(file.path) == "0123456789abcdef-secret");
}

TEST_CASE("a secret that others may read, or that is short or missing, is refused", "[notify]") {
  const SecretFile open("0123456789abcdef\n", 0640);
  REQUIRE_FALSE(read_secret_file(open.path));
  CHECK(read_secret_file(open.path).error().code == ErrorCode::kDenied);
  const SecretFile brief("too short\n", 0600);
  REQUIRE_FALSE(read_secret_file(brief.path));
  CHECK(read_secret_file(brief.path).error().code == ErrorCode::kInvalid);
  CHECK(read_secret_file(brief.path).error().context.find("too short") == std::string::npos);
  CHECK_FALSE(read_secret_file("/nonexistent/secret"));
}

}  // namespace faultline::notify
