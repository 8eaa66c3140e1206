// What the torture of bus-gocache builds: little, so that a round is short. The constant in number is changed from build to build.
package main

import (
	"example.test/small/a"
	"example.test/small/b"
	"example.test/small/c"
)

func main() { println(a.Value(), b.Value(), c.Value()) }
