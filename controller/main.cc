// faultline-controller.
#include "controller/admin/program.h"

int main(int argc, char** argv) { return faultline::admin::run(argc, argv); }
