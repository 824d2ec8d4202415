// TestAuthority: an authority that signs certificates with the openssl command, in a folder of its
// own that is removed with it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "tests/support/catch.h"

namespace faultline::tests {

class TestAuthority {
 public:
  TestAuthority() {
    std::string pattern = "/tmp/faultline-tls-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    openssl("req -x509 " + new_key_ +
            "-keyout ca.key -out ca.pem -days 2 -subj '/CN=test authority'");
  }
  ~TestAuthority() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  // Replaces api.crt and api.key, one after the other as renewals do. `names` as openssl has them.
  void sign(const std::string& names = "DNS:localhost,IP:127.0.0.1", int days = 2) {
    openssl("req " + new_key_ + "-keyout new.key -out new.csr -subj '/CN=controller'");
    shell("printf 'subjectAltName=" + names + "\\n' >names");
    openssl("x509 -req -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days " +
            std::to_string(days) + " -extfile names -out new.crt");
    shell("mv new.crt api.crt && mv new.key api.key");
  }

  [[nodiscard]] std::filesystem::path authority() const { return folder_ / "ca.pem"; }
  [[nodiscard]] std::filesystem::path certificate() const { return folder_ / "api.crt"; }
  [[nodiscard]] std::filesystem::path key() const { return folder_ / "api.key"; }
  // A file of this name in the folder.
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder_ / name; }

 private:
  void shell(const std::string& command) const {
    const auto line = "cd " + folder_.string() + " && umask 077 && " + command;
    INFO(line);
    REQUIRE(std::system(line.c_str()) == 0);
  }
  void openssl(const std::string& arguments) const {
    shell("openssl " + arguments + " 2>>openssl.log || { cat openssl.log >&2; false; }");
  }

  const std::string new_key_ = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes ";
  std::filesystem::path folder_;
};

}  // namespace faultline::tests
