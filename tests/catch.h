// Catch2 of either major version (Debian 12: 2, Debian 13: 3), under one include.
#pragma once

#ifdef RBDCSI_CATCH3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
