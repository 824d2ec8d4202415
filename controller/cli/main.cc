#include "controller/cli/program.h"

int main(int argc, char** argv) { return faultline::cli::run(argc, argv); }
