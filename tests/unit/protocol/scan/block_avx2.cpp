#include "protocol/scan/block_avx2.h"

#include "tests/unit/protocol/scan/block_answers.h"

namespace bus::test {

BlockAnswers avx2_answers() { return answers_of<scan::Avx2Block>("avx2"); }

}  // namespace bus::test
