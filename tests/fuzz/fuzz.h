// What every fuzzer here is made of: one function that is given bytes, and properties that hold
// whatever the bytes are.
//
// <what>_fuzz.cc defines Fuzz(); entry.cc is what libFuzzer calls. Beside what a property says, no
// input may be answered with an exception, nor with anything that the sanitizers or libFuzzer's
// limits of time and memory object to. One thread.
#pragma once

#include <string_view>

namespace rbdcsi::fuzz {

// What the fuzzer is about; the inputs are libFuzzer's.
void Fuzz(std::string_view input);

// Ends the process, so that libFuzzer keeps the input.
[[noreturn]] void Broken(const char* property, const char* file, int line);

}  // namespace rbdcsi::fuzz

#define HOLDS(property) \
  ((property) ? void() : ::rbdcsi::fuzz::Broken(#property, __FILE__, __LINE__))
