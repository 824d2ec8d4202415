// Runs a fuzzer without libFuzzer: replays files, or mutates the fuzzer's seeds a fixed number of
// times from a fixed random seed, so that a run is the same everywhere.
//
//   fuzz_plan [--iterations N] [--seed N] [FILE...]
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

#include "common/base/random.h"
#include "tests/fuzz/fuzz.h"

namespace faultline::fuzz {
namespace {

struct Options {
  std::uint64_t iterations = 20'000;
  std::uint64_t seed = 1;
  std::vector<const char*> files;
};

void run(const Bytes& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// Values that break arithmetic at the edges.
constexpr std::uint64_t kEdges[] = {0, 1, 7, 8, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff};

void mutate_once(Bytes& input, const std::vector<Bytes>& corpus, Rng& rng) {
  const auto position = [&] { return uniform_below(rng, input.size()); };
  switch (uniform_below(rng, 6)) {
    case 0:
      input[position()] ^= static_cast<std::byte>(1U << uniform_below(rng, 8));
      break;
    case 1:
      input[position()] = static_cast<std::byte>(rng());
      break;
    case 2: {  // an edge value of 1, 2, 4 or 8 bytes
      const auto value = kEdges[uniform_below(rng, std::size(kEdges))];
      const auto at = position();
      const auto width = std::size_t{1} << uniform_below(rng, 4);
      for (std::size_t i = 0; i < width && at + i < input.size(); ++i) {
        input[at + i] = static_cast<std::byte>(value >> (8 * i));
      }
      break;
    }
    case 3:  // cut, mostly at a word
      input.resize(1 + (position() & (uniform_below(rng, 4) == 0 ? ~0ULL : ~7ULL)));
      break;
    case 4: {  // a word copied to another place: pointers that point elsewhere
      const auto from = position() & ~std::size_t{7};
      const auto to = position() & ~std::size_t{7};
      for (std::size_t i = 0; i < 8 && std::max(from, to) + i < input.size(); ++i) {
        input[to + i] = input[from + i];
      }
      break;
    }
    default: {  // the tail of another input
      const auto& other = corpus[uniform_below(rng, corpus.size())];
      const auto at = std::min(position() & ~std::size_t{7}, other.size());
      input.resize(at);
      input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(at), other.end());
      break;
    }
  }
}

void fuzz(const Options& options) {
  const auto corpus = seeds();
  for (const auto& input : corpus) run(input);
  Rng rng(options.seed);
  for (std::uint64_t i = 0; i < options.iterations; ++i) {
    auto input = corpus[uniform_below(rng, corpus.size())];
    for (auto n = 1 + uniform_below(rng, 4); n > 0 && !input.empty(); --n) {
      mutate_once(input, corpus, rng);
    }
    run(input);
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(options.iterations + corpus.size()));
}

bool replay(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot open %s\n", path);
    return false;
  }
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(content));
  run(Bytes(bytes.begin(), bytes.end()));
  return true;
}

bool parse_number(std::string_view text, std::uint64_t& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--iterations" || argument == "--seed") {
      auto& value = argument == "--seed" ? options.seed : options.iterations;
      if (++i == argc || !parse_number(argv[i], value)) return false;
    } else {
      options.files.push_back(argv[i]);
    }
  }
  return true;
}

}  // namespace
}  // namespace faultline::fuzz

int main(int argc, char** argv) {
  faultline::fuzz::Options options;
  if (!faultline::fuzz::parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: %s [--iterations N] [--seed N] [FILE...]\n", argv[0]);
    return 3;
  }
  if (options.files.empty()) {
    faultline::fuzz::fuzz(options);
    return EXIT_SUCCESS;
  }
  const bool all = std::ranges::all_of(options.files, faultline::fuzz::replay);
  return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
