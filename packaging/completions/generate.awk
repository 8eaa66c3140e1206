# The work of packaging/completions/generate: reads a --help, writes one completion.
#
# shell, program, exclusions, common: see there.
#
# An argument is an option or a positional. argument[1..arguments] is the name that stands for it: its long one, or the
# positional's. By that name: names_of (all, with spaces between), kind (what follows; "": nothing), words (those that may
# follow), optional, repeatable, position (1..; none for an option), text, and without[A, B] where both together are refused.

function fail(what) {
  printf "generate: %s --help: %s\n", program, what >"/dev/stderr"
  failed = 1
  exit 1
}

function trim(text) {
  gsub(/^ +| +$/, "", text)
  return text
}

# "error, warning, info or debug" and "keys|types" as words.
function words_in(text,    found) {
  gsub(/ or |, |\|/, " ", text)
  if (text !~ /^[a-z]+( [a-z]+)+$/) fail("no list of words: \"" text "\"")
  return text
}

# "… (default: 8MiB)" as that, and twice and four times as much; smaller ones may be too small.
function sizes_from(text,    number, unit) {
  if (!match(text, /default: [0-9]+[KMG]iB/)) return ""
  number = substr(text, RSTART + 9, RLENGTH - 12)
  unit = substr(text, RSTART + RLENGTH - 3, 3)
  return number unit " " 2 * number unit " " 4 * number unit
}

# What is said before the first "; ", " (" or full stop: shells have one line for it.
function brief(text) {
  sub(/;? \(.*/, "", text)
  sub(/; .*/, "", text)
  sub(/\. .*/, "", text)
  return text
}

function learn(name, value, text) {
  argument[++arguments] = name
  text_of[name] = brief(text)
  repeatable[name] = text ~ /repeatable|may be repeated/
  optional[name] = value ~ /^\[.*\]$/
  gsub(/[][]/, "", value)
  kind[name] = words[name] = ""
  if (value == "") return
  placeholder[name] = value
  kind[name] = "words"
  if (value ~ /\|PATH$/) {
    sub(/\|PATH$/, "", value)
    kind[name] = "words_or_files"
    words[name] = words_in(value)
  } else if (value ~ /\|/) {
    words[name] = words_in(value)
  } else if (value == "LEVEL" || value == "VERB") {
    words[name] = words_in(brief(text))
  } else if (value == "D" || value == "TIME") {
    words[name] = "500ms 2s 30s 10m" (text ~ /, or never/ ? " never" : "")
  } else if (value == "SIZE") {
    words[name] = sizes_from(text)
  } else if (value in kind_of_value) {
    kind[name] = kind_of_value[value]
  } else {
    fail(name " takes " value ", of which packaging/completions/generate.awk does not know what it completes to")
  }
}

BEGIN {
  # For a single program where it is given. What nobody can guess is completed to nothing.
  kind_of_value["KEY"] = program == "bus-value" ? "values" : "keys"
  kind_of_value["TASK"] = "tasks"
  kind_of_value["SOURCE"] = "sources"
  kind_of_value["TYPE"] = program == "bus-consume" ? "entries" : "types"
  kind_of_value["PATH"] = kind_of_value["FILE"] = "files"
  kind_of_value["DIR"] = "directories"
  kind_of_value["CMD"] = "commands"
  kind_of_value["USER"] = "users"
  kind_of_value["GROUP"] = "groups"
  # Of bus-value: further keys, but behind put a value.
  if (program == "bus-value") kind_of_value["VALUE"] = "more_values"
  split("N MS ID NAME PERCENT PAYLOAD ARGS NAME=VALUE VALUE TEMPLATE", opaque, " ")
  for (i in opaque) if (!(opaque[i] in kind_of_value)) kind_of_value[opaque[i]] = "nothing"
}

# One entry of --help, in one line: the name and the value stand before the first two spaces, the text behind.
function take(line,    text, n, part_of, names, long) {
  if (line == "") return
  line = trim(line)
  text = ""
  if (match(line, /  +/)) {
    text = substr(line, RSTART + RLENGTH)
    line = substr(line, 1, RSTART - 1)
  }
  n = split(line, part_of, " ")
  if (part == "positionals:" && part_of[1] == "COMMAND") {
    # It is completed where it stands, behind "--", and is no positional anywhere else.
    behind = 1
  } else if (part == "positionals:") {
    learn(part_of[1], part_of[1], text)
    names_of[part_of[1]] = part_of[1]
    position[part_of[1]] = ++positionals
    repeats = repeatable[part_of[1]]
  } else {
    names = part_of[1]
    gsub(/,/, " ", names)
    long = names
    sub(/^-[^-] /, "", long)
    if (long !~ /^--[a-z-]+$/) fail("no long name in \"" line "\"")
    learn(long, n > 1 ? part_of[2] : "", text)
    names_of[long] = names
    options++
  }
}

function take_held() {
  take(held)
  held = ""
}

/^$/ || /^[A-Za-z]+:$/ {
  take_held()
  part = tolower($0)
}
(part == "positionals:" || part == "options:") && /^  [^ ]/ {
  take_held()
  held = $0
}
# The text goes on, or begins here.
held != "" && /^          / { held = held (held ~ /[^ ]  +[^ ]/ ? " " : "  ") trim($0) }

function read_exclusions(    lines, n, i, names, m, j) {
  n = split(exclusions, lines, "\n")
  for (i = 1; i <= n; i++) {
    m = split(lines[i], names, " ")
    if (m == 0 || names[1] != program ":") continue
    for (j = 3; j <= m; j++) {
      if (!(names[2] in text_of) || !(names[j] in text_of)) fail("it has not both " names[2] " and " names[j])
      without[names[2], names[j]] = without[names[j], names[2]] = 1
    }
  }
}

# All names of what may not stand beside `name`; itself among them where it may stand once only.
function excluded(name,    i, other, found) {
  found = ""
  for (i = 1; i <= arguments; i++) {
    other = argument[i]
    if (((name, other) in without) || (other == name && !repeatable[name] && !(name in position))) {
      found = found " " names_of[other]
    }
  }
  return trim(found)
}

# The same, options only.
function excluded_options(name,    names, n, i, found) {
  found = ""
  n = split(excluded(name), names, " ")
  for (i = 1; i <= n; i++) {
    if (!(names[i] in position)) found = found " " names[i]
  }
  return trim(found)
}

function quoted(text) {
  gsub(/'/, "'\\''", text)
  return "'" text "'"
}

function copy_common(    line) {
  while ((getline line <common) > 0) print line
}

function write_bash(    i, name, names, n, j, what, function_name) {
  function_name = "_" program
  gsub(/-/, "_", function_name)
  copy_common()
  printf "\n%s() {\n", function_name
  printf "  local -A kind=() words=() optional=() without=()\n  local options=() positionals=()\n"
  for (i = 1; i <= arguments; i++) {
    name = argument[i]
    n = split(names_of[name], names, " ")
    for (j = 1; j <= n; j++) {
      if (name in position) {
        printf "  positionals+=(%s)\n", names[j]
      } else {
        printf "  options+=(%s)\n", names[j]
      }
      what = "[" names[j] "]="
      if (kind[name] != "") printf "  kind+=(%s%s)\n", what, kind[name]
      if (words[name] != "") printf "  words+=(%s%s)\n", what, quoted(words[name])
      if (optional[name]) printf "  optional+=(%s1)\n", what
      if (excluded_options(name) != "") printf "  without+=(%s%s)\n", what, quoted(excluded_options(name))
    }
  }
  if (behind) printf "  kind+=([COMMAND]=commands)\n  local behind=COMMAND\n"
  if (repeats) printf "  local repeats=1\n"
  printf "  _busd_complete\n}\n\ncomplete -F %s %s\n", function_name, program
}

# One argument of a shell's function.
function words_in_one(text) {
  gsub(/ /, "|", text)
  return quoted(text)
}

function zsh_action(name) {
  if (kind[name] == "words") return "(" words[name] ")"
  if (kind[name] == "words_or_files") return "_busd_words_or_files " words_in_one(words[name])
  if (kind[name] == "nothing") return " "
  if (kind[name] == "files") return "_files"
  if (kind[name] == "directories") return "_files -/"
  if (kind[name] == "commands") return "_cmdstring"
  if (kind[name] == "users" || kind[name] == "groups") return "_" kind[name]
  return "_busd_names " kind[name]
}

# For _arguments, zshcompsys(1): a positional in an exclusion is its number.
function write_zsh(    i, name, names, n, j, rest, all, m, k, list) {
  printf "#compdef %s\n\n", program
  copy_common()
  if (behind) {
    printf "\ninteger dashes=${words[(i)--]}\nif (( dashes < CURRENT )); then\n"
    printf "  shift $dashes words\n  (( CURRENT -= dashes ))\n  _normal\n  return\nfi\n"
  }
  printf "\n_arguments -s -S :"
  for (i = 1; i <= arguments; i++) {
    name = argument[i]
    list = ""
    m = split(excluded(name), all, " ")
    for (k = 1; k <= m; k++) list = list " " (all[k] in position ? position[all[k]] : all[k])
    list = list == "" ? "" : "(" trim(list) ")"
    rest = kind[name] == "" ? "" : ":" (optional[name] ? ":" : "") placeholder[name] ":" zsh_action(name)
    if (name in position) {
      printf " \\\n  %s", quoted(list (repeatable[name] ? "*" : position[name]) rest)
      continue
    }
    text = text_of[name]
    gsub(/[][\\]/, "\\\\&", text)
    n = split(names_of[name], names, " ")
    for (j = 1; j <= n; j++) {
      form = names[j] (kind[name] == "" ? "" : names[j] ~ /^--/ ? "=" : "+")
      printf " \\\n  %s", quoted(list (repeatable[name] ? "*" : "") form "[" text "]" rest)
    }
  }
  printf "\n"
}

function fish_candidates(name) {
  if (kind[name] ~ /^words/) return words[name]
  if (kind[name] == "directories") return "(__busd_directories)"
  if (kind[name] == "commands") return "(__busd_commands)"
  if (kind[name] == "users" || kind[name] == "groups") return "(__fish_complete_" kind[name] ")"
  return "(__busd_names " kind[name] ")"
}

function write_fish(    i, name, names, n, j, line, with_value, conditions) {
  with_value = ""
  for (i = 1; i <= arguments; i++) {
    name = argument[i]
    if (kind[name] != "" && !optional[name] && !(name in position)) with_value = with_value " " names_of[name]
  }
  copy_common()
  printf "\ncomplete -c %s -f\n", program
  if (behind) printf "complete -c %s -n __busd_at_command -a '(__busd_commands)'\n", program
  for (i = 1; i <= arguments; i++) {
    name = argument[i]
    conditions = excluded_options(name) == "" ? "" : "__busd_without " excluded_options(name)
    # While its value is completed, the option itself is on the line.
    if (conditions != "" && index(with_value " ", " " names_of[name] " ")) {
      conditions = "__busd_after " names_of[name] "; or " conditions
    }
    if (name in position) {
      if (kind[name] == "nothing") continue
      conditions = conditions (conditions == "" ? "" : "; and ") "__busd_at " position[name] (repeatable[name] ? "-" : "") with_value
      printf "complete -c %s -n %s -a %s\n", program, quoted(conditions), quoted(fish_candidates(name))
      continue
    }
    line = "complete -c " program
    if (conditions != "") line = line " -n " quoted(conditions)
    n = split(names_of[name], names, " ")
    for (j = 1; j <= n; j++) line = line (names[j] ~ /^--/ ? " -l " substr(names[j], 3) : " -s " substr(names[j], 2))
    if (kind[name] == "words_or_files") {
      line = line " -r -F -a " quoted(fish_candidates(name))
    } else if (kind[name] == "files") {
      line = line " -r -F"
    } else if (kind[name] != "" && !optional[name]) {
      line = line " -x" (kind[name] == "nothing" ? "" : " -a " quoted(fish_candidates(name)))
    }
    print line " -d " quoted(text_of[name])
    if (optional[name]) {
      printf "complete -c %s -n %s -a %s\n", program, quoted("__busd_after " names_of[name]), quoted(fish_candidates(name))
    }
  }
}

END {
  if (failed) exit 1
  take_held()
  if (!options) fail("no options were found in it")
  read_exclusions()
  if (shell == "bash") write_bash()
  if (shell == "zsh") write_zsh()
  if (shell == "fish") write_fish()
}
