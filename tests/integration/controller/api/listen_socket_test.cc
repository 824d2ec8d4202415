#include "controller/api/listen_socket.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/controller/api/server_thread.h"
#include "tests/support/catch.h"

namespace faultline::api {

TEST_CASE("a missing directory is made for the socket's users only", "[api]") {
  const TemporaryDirectory above;
  const auto directory = above.path + "/faultline";
  const auto path = directory + "/api.sock";
  const auto* group = ::getgrgid(::getegid());
  REQUIRE(group != nullptr);
  const auto listener = listen_unix(path, group->gr_name);
  REQUIRE(listener);
  ::close(*listener);
  struct stat info {};
  REQUIRE(::stat(directory.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777 & ~0750U) == 0);
  CHECK(info.st_gid == group->gr_gid);
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK(info.st_gid == group->gr_gid);
  ::unlink(path.c_str());
  ::rmdir(directory.c_str());
  CHECK(listen_unix(path, "no-such-group").error().code == ErrorCode::kNotFound);
}

}  // namespace faultline::api
