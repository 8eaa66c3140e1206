#include "protocol/scan/block_avx512.h"

#include "tests/unit/protocol/scan/block_answers.h"

namespace bus::test {

BlockAnswers avx512_answers() { return answers_of<scan::Avx512Block>("avx512"); }

}  // namespace bus::test
