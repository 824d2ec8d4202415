#include "controller/cli/table.h"

#include "tests/support/catch.h"

namespace faultline::cli {

TEST_CASE("a table aligns its columns and leaves no blanks at line ends", "[cli]") {
  Table table({"NAME", ">LOSS", "NOTE"});
  table.add({"h1", "0", ""});
  table.add({"spine3", "12.5", "x"});
  CHECK(table.text({}) ==
        "NAME    LOSS  NOTE\n"
        "h1         0\n"
        "spine3  12.5  x\n");
}

TEST_CASE("color does not disturb alignment and is off by default", "[cli]") {
  Table table({"A", "B"});
  table.add({Cell("bad", Tone::kBad), "1"});
  CHECK(table.text({}).find('\033') == std::string::npos);
  CHECK(table.text({.color = true}).find("\033[31mbad\033[0m  1\n") != std::string::npos);
}

TEST_CASE("a table without rows is nothing", "[cli]") { CHECK(Table({"A"}).text({}).empty()); }

TEST_CASE("numbers are short and carry their unit", "[cli]") {
  CHECK(percent(0) == "0 %");
  CHECK(percent(0.000001) == "<0.001 %");
  CHECK(percent(0.0005) == "0.050 %");
  CHECK(percent(0.021) == "2.10 %");
  CHECK(percent(1) == "100.0 %");
  CHECK(bytes(1023) == "1023 B");
  CHECK(bytes(12'582'912) == "12.0 MiB");
  CHECK(span_of_seconds(59) == "59s");
  CHECK(span_of_seconds(7384) == "2h 3m");
  CHECK(span_of_seconds(200'000) == "2d 7h");
  CHECK(microseconds(12.34) == "12.3");
  CHECK(microseconds(1234.4) == "1234");
}

}  // namespace faultline::cli
