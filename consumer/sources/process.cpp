#include "consumer/sources/process.h"

#include <utility>

#include "consumer/sources/processes.h"
#include "consumer/sources/run.h"
#include "consumer/sources/run_table.h"

namespace bus::sources {

Process::Process(Processes& all, Owner& owner, Launch launch)
    : all_(all), run_(std::make_unique<Run>(all.runs(), owner, std::move(launch))) {}

Process::~Process() { all_.runs().adopt(std::move(run_)); }

Pipes Process::take_pipes() { return run_->take_pipes(); }
int64_t Process::pid() const { return run_->pid(); }
std::vector<std::string> Process::take_complaints() { return run_->take_complaints(); }
void Process::terminate() { run_->terminate(); }
void Process::kill() { run_->kill(); }
Process::Use Process::use() const { return run_->use(); }

}  // namespace bus::sources
