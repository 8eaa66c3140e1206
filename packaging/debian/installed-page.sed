# Turns the links of a page of the source tree into what is true where the packages have installed it (sed -E). What is beside
# the page in /usr/share/doc/busd stays a link.
s#\[[^]]*\]\(consumer/include/(busd/[^)]*)\)#`/usr/include/\1`#g
s#\[[^]]*\]\(consumer/examples/sources\.d\)#`/usr/share/doc/busd/examples/sources.d`#g
s#\[[^]]*\]\(consumer/examples([^)]*)\)#`/usr/share/doc/libbusd-dev/examples\1`#g
s#\[[^]]*\]\(protocol/PROTOCOL\.md\)#bus-protocol(7)#g
s#\]\(LICENSE\)#](copyright)#g
s#\[[^]]*\]\(((ARCHITECTURE|CHANGELOG|CONTRIBUTING|HACKING|tests/bench/README)\.md)\)#`\1` in the source#g
