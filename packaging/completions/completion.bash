# shellcheck shell=bash
# Completion of one program of busd in bash; made by packaging/completions/generate. Needs nothing of bash-completion, which
# loads it by its name; without it, source this file.
# shellcheck disable=SC2154  # the tables are the program's own function's
#
# The line is read as a whole, not from COMP_WORDS, which bash cuts at every ":" and "=" too: keys and types may hold them.
# It is never evaluated.

# _busd_split TEXT: appends the words of TEXT to `words_before`, without quotes, redirections left out. The last one, which
# TEXT ends in, goes to `word`; `quote` is the quote that is still open there, `redirected` says whether a file is to stand
# there, and `kept` is how much of the word stays on the line when readline puts a candidate there: it replaces what follows
# the last word break or the open quote.
_busd_split() {
  local text=$1 c='' begun='' escaped i
  word='' quote='' redirected='' kept=0
  for ((i = 0; i < ${#text}; ++i)); do
    c=${text:i:1}
    if [[ $quote == "'" || $quote == '"' ]]; then
      if [[ $c == "$quote" ]]; then
        quote=''
      elif [[ $quote == '"' && $c == "\\" && ${text:i+1:1} == [\"\$\`\\] ]]; then
        ((++i))
        word+=${text:i:1}
      else
        word+=$c
      fi
      continue
    fi
    case $c in
      [[:space:]])
        if [[ $begun ]]; then
          [[ $redirected ]] || words_before+=("$word")
          word='' begun='' redirected='' kept=0
        fi
        ;;
      [\<\>])
        # Digits before it name a descriptor, and belong to it as "&" does.
        [[ ! $begun || $redirected || $word =~ ^([0-9]+|\&)$ ]] || words_before+=("$word")
        word='' begun='' redirected=1 kept=0
        ;;
      \' | \")
        quote=$c begun=1 open=${#word}
        ;;
      *)
        escaped=''
        if [[ $c == "\\" ]]; then
          ((++i))
          escaped=1 c=${text:i:1}
        fi
        word+=$c begun=1
        # Readline lets a word begin behind a break, but at an "@".
        if [[ ! $escaped && $COMP_WORDBREAKS == *"$c"* ]]; then
          kept=${#word}
          [[ $c == @ ]] && ((--kept))
        fi
        ;;
    esac
  done
  [[ $quote ]] && kept=$open
}

# _busd_place WORD…: which hub the options on the line mean, into `place`.
_busd_place() {
  local option='' value name
  for value; do
    case $value in
      --socket=* | --bus=*) option=${value%%=*} value=${value#*=} ;;
    esac
    if [[ $option ]]; then
      # As the shell would, but nothing beyond a home directory or a variable at the beginning.
      if [[ $value =~ ^\$(\{([A-Za-z_][A-Za-z_0-9]*)\}|([A-Za-z_][A-Za-z_0-9]*))(.*)$ ]]; then
        name=${BASH_REMATCH[2]}${BASH_REMATCH[3]}
        value=${!name-}${BASH_REMATCH[4]}
      fi
      place=("$option" "${value/#\~\//$HOME/}")
      option=''
    elif [[ $value == --socket || $value == --bus ]]; then
      option=$value
    fi
  done
}

# _busd_names keys|types|entries|tasks|sources|values|more_values: what the running hub knows of, one to a line; entries are types and
# patterns, of tasks there are only names, of values the keys; more_values are keys where the verb takes several. Silent, and done within 100 ms, whether a hub answers, does not, or is not there.
_busd_names() {
  local what=$1 name
  local ask=(bus-status --list "${what/#entries/types}")
  [[ $what != more_values || $verb == @(delete|list|watch) ]] || return
  [[ $what == *values ]] && ask=(bus-value list --names --no-start)
  timeout 0.08 "${ask[@]}" "${place[@]}" </dev/null 2>/dev/null | while IFS='' read -r name; do
    [[ $1 == t* && ($name == '*' || $name == *'.*') ]] || printf '%s\n' "$name"
  done
}

# _busd_offer BEFORE CANDIDATE…: those that begin with what was typed, each after BEFORE and quoted for where it goes.
_busd_offer() {
  local before=$1 candidate special
  shift
  for candidate; do
    candidate=$before$candidate
    [[ $candidate == "$word"* ]] || continue
    candidate=${candidate:kept}
    case $quote in
      \') candidate=${candidate//\'/\'\\\'\'} ;;
      \")
        for special in "\\" '"' '$' '`'; do candidate=${candidate//"$special"/"\\$special"}; done
        ;;
      *) printf -v candidate %q "$candidate" ;;
    esac
    COMPREPLY+=("$candidate")
  done
}

# _busd_values NAME BEFORE: what may follow the option, or stand as the positional, NAME; BEFORE is what the word begins with.
_busd_values() {
  local found=() typed=${word:${#2}}
  case ${kind[$1]-} in
    words | words_or_files) read -ra found <<<"${words[$1]-}" ;;
    keys | types | entries | tasks | sources | values | more_values) mapfile -t found < <(_busd_names "${kind[$1]-}") ;;
    commands) mapfile -t found < <(compgen -c -- "$typed") ;;
    users) mapfile -t found < <(compgen -u -- "$typed") ;;
    groups) mapfile -t found < <(compgen -g -- "$typed") ;;
  esac
  _busd_offer "$2" "${found[@]}"
  # Readline completes them itself, with all that it knows of names, when nothing was offered.
  case ${kind[$1]-} in
    files | words_or_files | commands) compopt -o default ;;
    directories) compopt -o dirnames ;;
  esac
}

# _busd_allowed NAME: whether none of what it does not go with is on the line.
_busd_allowed() {
  local other
  for other in ${without[$1]-}; do
    [[ ${given[$other]-} ]] && return 1
  done
  return 0
}

_busd_options() {
  local option
  for option in "${options[@]}"; do
    _busd_allowed "$option" && _busd_offer '' "$option"
  done
}

# _busd_read WORD: one word before the cursor. Sets `option` to the one whose value comes next, counts `position`, and notes
# in `given` what was given and in `verb` the first positional; `plain` after "--", and `after` counts the words there.
_busd_read() {
  local text=$1 i name
  if [[ $option && ! (${optional[$option]-} && $text == -*) ]]; then
    option=''
    return
  fi
  option=''
  if [[ $plain || $text != -?* ]]; then
    ((position++)) || verb=$text
    [[ $plain ]] && ((++after))
  elif [[ $text == -- ]]; then
    plain=1
  elif [[ $text == --* ]]; then
    given[${text%%=*}]=1
    [[ $text != *=* && ${kind[$text]-} ]] && option=$text
  else
    for ((i = 1; i < ${#text}; ++i)); do
      name=-${text:i:1}
      given[$name]=1
      [[ ${kind[$name]-} ]] || continue
      ((i + 1 == ${#text})) && option=$name
      break
    done
  fi
}

# Completes the line by the tables of the caller: kind, words, optional, without, options, positionals; `repeats`, set when the
# last positional may stand again; and `behind`, what stands behind "--", where a command does.
_busd_complete() {
  local IFS=$' \t\n' words_before=() word quote redirected kept open=0
  local -A given=()
  local place=() option='' plain='' verb='' position=0 after=0 text i rest
  COMPREPLY=()
  # What stands behind the cursor counts too, but for the rest of the word that it is in.
  rest=${COMP_LINE:COMP_POINT}
  [[ $rest == *[[:space:]]* ]] && _busd_split "${rest#*[[:space:]]} "
  local words_behind=("${words_before[@]}")
  words_before=()
  _busd_split "${COMP_LINE:0:COMP_POINT}"
  if [[ $redirected ]]; then
    compopt -o default
    return
  fi
  _busd_place "${words_before[@]:1}" "${words_behind[@]}"
  for text in "${words_behind[@]}"; do
    [[ $text == -* ]] && given[${text%%=*}]=1
  done
  for text in "${words_before[@]:1}"; do _busd_read "$text"; done

  if [[ $plain && ${behind-} ]]; then
    # What follows the command is its own, of which nothing is known but that it may be a file.
    if ((after == 0)); then _busd_values "$behind" ''; else compopt -o default; fi
    return
  fi
  if [[ $option && ! (${optional[$option]-} && $word == -*) ]]; then
    _busd_values "$option" ''
    return
  fi
  if [[ ! $plain && $word == --*=* ]]; then
    [[ ${kind[${word%%=*}]-} ]] && _busd_values "${word%%=*}" "${word%%=*}="
    return
  fi
  if [[ ! $plain && $word == -* ]]; then
    for ((i = 1; i < ${#word}; ++i)); do
      [[ $word != --* && ${kind[-${word:i:1}]-} ]] || continue
      _busd_values "-${word:i:1}" "${word:0:i+1}"
      return
    done
    _busd_options
    return
  fi
  [[ ${repeats-} ]] && ((position >= ${#positionals[@]})) && position=$((${#positionals[@]} - 1))
  if ((position < ${#positionals[@]})); then
    text=${positionals[position]}
    _busd_allowed "$text" && _busd_values "$text" ''
  elif ((${#positionals[@]} == 0)) && [[ ! $plain ]]; then
    _busd_options
  fi
}
