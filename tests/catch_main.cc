// main() for Catch2 2; version 3 brings its own.
#ifndef RBDCSI_CATCH3
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
