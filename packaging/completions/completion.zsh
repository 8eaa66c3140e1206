# Completion of one program of busd in zsh; made by packaging/completions/generate.

# What _arguments has to say of the matches, and as the last argument words with | between.
_busd_words_or_files() {
  local -a found=("${(@s:|:)argv[-1]}")
  argv[-1]=()
  compadd "$@" -a found
  _files "$@" || (( ${#compstate[nmatches]} ))
}

# _busd_names keys|types|entries|tasks|sources|values|more_values: what the running hub knows of; entries are types and patterns, of
# tasks there are only names, of values the keys; more_values are keys where the verb takes several. Silent, and done within 100 ms, whether a hub answers, does not, or is not there. The line is never evaluated.
# _arguments puts words of its own, for compadd, before the argument.
_busd_names() {
  local what=$argv[-1] option='' value
  local -a place names match mbegin mend expl
  argv[-1]=()
  for value in "${(@Q)words[2,CURRENT-1]}" "${(@Q)words[CURRENT+1,-1]}"; do
    case $value in
      (--socket=*|--bus=*) option=${value%%=*} value=${value#*=} ;;
    esac
    if [[ -n $option ]]; then
      # As the shell would, but nothing beyond a home directory or a variable at the beginning.
      if [[ $value == (#b)(\$\{([A-Za-z_][A-Za-z_0-9]#)\}|\$([A-Za-z_][A-Za-z_0-9]#))(*) ]]; then
        value=${(P)${:-$match[2]$match[3]}}$match[4]
      fi
      place=($option "${value/#\~\//$HOME/}")
      option=''
    elif [[ $value == (--socket|--bus) ]]; then
      option=$value
    fi
  done
  local -a ask=(bus-status --list ${what/entries/types})
  [[ $what != more_values || $line[1] == (delete|list|watch) ]] || return
  [[ $what == *values ]] && ask=(bus-value list --names --no-start)
  names=("${(@f)$(timeout 0.08 $ask $place </dev/null 2>/dev/null)}")
  # Of what is empty, one empty line is left.
  names=("${(@)names:#}")
  [[ $what == t* ]] && names=("${(@)names:#(\*|*.\*)}")
  _wanted $what expl $what compadd "$@" -a names
}
